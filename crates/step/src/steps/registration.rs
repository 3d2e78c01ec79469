//! The run that a step registers: when it is called by itself, and not by a flow that has done so already, or when it has
//! an engine's log to keep.
//!
//! Always so: it is best effort; with the API down or slow it costs two seconds at most, and it never fails the step.

use std::time::Duration;

use millwright_core::catalog::Object;
use millwright_core::catalog::scripts::emit_tasksgodzilla_codex_refs::Args;
use millwright_core::refs::{FinishRun, RunId, RunStatus};
use serde::Serialize;
use serde_json::Value;

use super::emit_tasksgodzilla_codex_refs::emit;
use super::{StepError, job};
use crate::client::Client;
use crate::host::Host;

const START_LIMIT: Duration = Duration::from_millis(1500);
const END_LIMIT: Duration = Duration::from_millis(400);

/// What a run belongs to.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "they are the API's names")]
pub(super) struct Belongs {
    pub(super) project_id: Option<i64>,
    pub(super) protocol_run_id: Option<i64>,
    pub(super) step_run_id: Option<i64>,
}

impl Belongs {
    /// A protocol run.
    pub(super) fn protocol(id: i64) -> Self {
        Self {
            protocol_run_id: Some(id),
            ..Self::default()
        }
    }

    /// A project, where one is named.
    #[cfg(feature = "native")]
    pub(super) fn project(id: Option<i64>) -> Self {
        Self {
            // Flows pass 0 where their caller named no project.
            project_id: id.filter(|id| *id != 0),
            ..Self::default()
        }
    }

    /// A step run.
    pub(super) fn step(id: i64) -> Self {
        Self {
            step_run_id: Some(id),
            ..Self::default()
        }
    }
}

/// Runs `work`, and around it registers and closes a run of kind `devgodzilla.<script>` when this job is not part of a flow.
///
/// # Errors
/// Those of `work`.
pub(super) async fn registered<T: Serialize>(
    host: &impl Host,
    script: &str,
    belongs: Belongs,
    params: Object,
    work: impl Future<Output = Result<T, StepError>>,
) -> Result<T, StepError> {
    let run = begin(host, script, belongs, params).await;
    let outcome = work.await;
    if let Some(run) = run {
        end(host, &run, told(&outcome)).await;
    }
    outcome
}

/// Does `work` with a run of its own for this job, part of a flow or not: what an engine says on this worker is kept as
/// that run's log. Outside a job, and where the API does not answer, there is none.
///
/// # Errors
/// Those of `work`.
#[cfg(feature = "native")]
pub(super) async fn with_own_run<T: Serialize>(
    host: &impl Host,
    script: &str,
    belongs: Belongs,
    work: impl AsyncFnOnce(Option<&RunId>) -> Result<T, StepError>,
) -> Result<T, StepError> {
    let given = params([
        ("project_id", belongs.project_id.into()),
        ("step_run_id", belongs.step_run_id.into()),
    ]);
    let run = start(host, script, belongs, given).await;
    let outcome = work(run.as_ref()).await;
    if let Some(run) = run {
        end(host, &run, told(&outcome)).await;
    }
    outcome
}

async fn begin(host: &impl Host, script: &str, belongs: Belongs, params: Object) -> Option<RunId> {
    if host.env(job::FLOW).is_some() {
        return None;
    }
    start(host, script, belongs, params).await
}

async fn start(host: &impl Host, script: &str, belongs: Belongs, params: Object) -> Option<RunId> {
    host.env(job::JOB)?;
    let args = Args {
        run_id: None,
        job_type: "windmill".to_owned(),
        run_kind: Some(format!("devgodzilla.{script}")),
        project_id: belongs.project_id,
        protocol_run_id: belongs.protocol_run_id,
        step_run_id: belongs.step_run_id,
        params: Some(params),
        attach_default_artifacts: true,
    };
    match emit(args, host, START_LIMIT).await {
        Ok(output) => output.run_id.parse().ok(),
        Err(error) => {
            host.log(&format!("warning: the run is not registered: {error}"));
            None
        }
    }
}

fn told<T: Serialize>(outcome: &Result<T, StepError>) -> Result<Value, Value> {
    match outcome {
        Ok(result) => Ok(serde_json::to_value(result).unwrap_or_default()),
        Err(error) => Err(error.to_json()),
    }
}

async fn end(host: &impl Host, run: &RunId, outcome: Result<Value, Value>) {
    let (status, result, error) = match outcome {
        Ok(result) => (RunStatus::Succeeded, Some(result), None),
        Err(error) => (RunStatus::Failed, None, Some(error)),
    };
    let finish = FinishRun {
        status,
        result,
        error,
        cost_tokens: None,
        cost_cents: None,
    };
    let closed = match Client::refs(host) {
        Ok(client) => client.within(END_LIMIT).finish_run(run, &finish).await,
        Err(error) => Err(error),
    };
    if let Err(error) = closed {
        host.log(&format!("warning: the run is not closed: {error}"));
    }
}

/// The parameters with which a run is registered: each that has a value.
pub(super) fn params<const N: usize>(pairs: [(&str, Value); N]) -> Object {
    let given = pairs.into_iter().filter(|(_, value)| !value.is_null());
    given
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
