//! `emit_tasksgodzilla_codex_refs`: registers a run and the references to what its job leaves behind.
//!
//! Always so: every call may be repeated, and all go over one connection.

use std::time::Duration;

use millwright_core::catalog::scripts::emit_tasksgodzilla_codex_refs::{
    Args, EmittedArtifact, Output, Status,
};
use millwright_core::refs::{JobId, Resource, RunId, StartRun, UpsertArtifact};

use super::{StepError, job};
use crate::client::Client;
use crate::host::Host;

/// All calls with their repetitions.
const LIMIT: Duration = Duration::from_secs(30);

/// Registers the run, then its artifacts. An artifact that is refused is only listed.
///
/// # Errors
/// Outside of a Windmill job, and when the API does not take the run.
pub(super) async fn run(args: Args, host: &impl Host) -> Result<Output, StepError> {
    emit(args, host, LIMIT).await
}

/// The same within `limit`.
pub(super) async fn emit(
    args: Args,
    host: &impl Host,
    limit: Duration,
) -> Result<Output, StepError> {
    let own = job::own(host)?;
    let flow = job::registered_flow(host)?;
    let run_id = run_id(args.run_id.as_deref(), own)?;
    let attach = args.attach_default_artifacts;
    let client = Client::refs(host)?.within(limit);
    let start = start(args, &run_id, own);
    let run = client.start_run(&start).await?;
    let mut output = Output {
        status: Status::Ok,
        run_id: run_id.to_string(),
        windmill_job_id: own.to_string(),
        log_path: own.reference(Resource::Logs).to_string(),
        artifacts: Vec::new(),
        warnings: run.warnings,
    };
    for artifact in attach.then(|| artifacts(own, flow)).into_iter().flatten() {
        output
            .artifacts
            .push(register(&client, &run_id, artifact).await);
    }
    tell(host, &output);
    Ok(output)
}

/// The given id, else the job's.
fn run_id(given: Option<&str>, own: JobId) -> Result<RunId, StepError> {
    let text = given.filter(|text| !text.is_empty());
    let text = text.map_or_else(|| own.to_string(), str::to_owned);
    text.parse()
        .map_err(|error| StepError::bad_argument("run_id", error))
}

fn start(args: Args, run_id: &RunId, own: JobId) -> StartRun {
    StartRun {
        job_type: args.job_type,
        run_id: Some(run_id.clone()),
        run_kind: args.run_kind,
        project_id: args.project_id,
        protocol_run_id: args.protocol_run_id,
        step_run_id: args.step_run_id,
        queue: None,
        attempt: None,
        worker_id: None,
        prompt_version: None,
        params: args.params,
        log_path: Some(own.reference(Resource::Logs).to_string()),
    }
}

fn artifacts(own: JobId, flow: Option<JobId>) -> impl Iterator<Item = UpsertArtifact> {
    let jobs = [
        Some(("windmill", own)),
        flow.map(|flow| ("windmill.flow", flow)),
    ];
    jobs.into_iter().flatten().flat_map(|(prefix, job)| {
        Resource::ALL
            .into_iter()
            .map(move |resource| UpsertArtifact::of_job(prefix, job, resource))
    })
}

async fn register<H: Host>(
    client: &Client<'_, H>,
    run: &RunId,
    artifact: UpsertArtifact,
) -> EmittedArtifact {
    let answer = client.upsert_artifact(run, &artifact).await;
    EmittedArtifact {
        name: artifact.name,
        kind: artifact.kind,
        path: artifact.path,
        id: answer.as_ref().ok().map(|row| row.id),
        error: answer.err().map(|error| error.to_string()),
    }
}

fn tell(host: &impl Host, output: &Output) {
    let count = output
        .artifacts
        .iter()
        .filter(|artifact| artifact.error.is_none())
        .count();
    host.log(&format!(
        "run {} is registered with {count} artifacts",
        output.run_id
    ));
    for warning in &output.warnings {
        host.log(&format!("warning: {warning}"));
    }
    for artifact in &output.artifacts {
        if let Some(error) = &artifact.error {
            host.log(&format!(
                "warning: {} is not registered: {error}",
                artifact.name
            ));
        }
    }
}
