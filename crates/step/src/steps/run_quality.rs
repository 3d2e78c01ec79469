//! `run_quality`: one verdict for a whole protocol.
//!
//! Always so: it rests on what checks and gates found; no text is searched for words, and nothing that was not checked passes
//! silently.

mod report;
mod verdict;

use std::time::Duration;

use millwright_core::catalog::Script;
use millwright_core::catalog::scripts::run_quality::{Args, Output};
use millwright_core::protocol::{GateResult, Project, ProjectDefaults, ProtocolRun, StepRun};
use serde_json::Value;

use super::StepError;
use super::agent_log::AgentLog;
use super::registration::{Belongs, params, registered};
use crate::client::Client;
use crate::engine::{Cancel, Control};
use crate::host::{Host, NativeHost};
use crate::runner::{Gates, Settings};
use crate::workspace::{self, Place};
use verdict::Judged;

/// Judges.
///
/// # Errors
/// When the API refuses, the step is none of the protocol's, or gates are to be run and cannot be.
pub(super) async fn run(args: Args, host: &NativeHost) -> Result<Output, StepError> {
    let belongs = Belongs::protocol(args.protocol_run_id);
    let given = params([("protocol_run_id", args.protocol_run_id.into())]);
    registered(host, Args::NAME, belongs, given, judge(&args, host)).await
}

async fn judge(args: &Args, host: &NativeHost) -> Result<Output, StepError> {
    let clock = host.now();
    let client = Client::protocols(host)?;
    let run = client.protocol(args.protocol_run_id).await?;
    let steps = client.steps(run.id).await?;
    let spec = client.spec(run.id).await?.spec;
    let one = args.step_run_id.filter(|id| *id != 0);
    let steps = match one {
        Some(id) => only(steps, id, run.id)?,
        None => steps,
    };
    let gates = if one.is_some() {
        Vec::new()
    } else {
        let project = client.project(run.project_id).await?;
        gates_of_branch(&run, &project, host)?
    };
    let judged = Judged::of(&run, &steps, spec.as_ref(), gates);
    host.log(&judged.in_a_sentence());
    Ok(output(judged, &run, host.now().saturating_sub(clock)))
}

fn output(judged: Judged, run: &ProtocolRun, took: Duration) -> Output {
    Output {
        passed: judged.passed(),
        verdict: judged.verdict(),
        score: judged.score,
        blocking_failures: judged.blocking_failures(),
        report: report::markdown(&judged, run),
        protocol_run_id: run.id,
        failed_step_run_id: judged.failed_step_run_id,
        duration_seconds: took.as_secs_f64(),
        gate_results: judged.gates,
    }
}

fn only(steps: Vec<StepRun>, id: i64, protocol: i64) -> Result<Vec<StepRun>, StepError> {
    let step = steps.into_iter().find(|step| step.id == id);
    let missing = || {
        let problem = format!("step {id} is none of protocol {protocol}'s");
        StepError::bad_argument("step_run_id", problem)
    };
    Ok(vec![step.ok_or_else(missing)?])
}

/// Runs the gates that the project wants to see passed by the protocol's branch as a whole.
fn gates_of_branch(
    run: &ProtocolRun,
    project: &Project,
    host: &NativeHost,
) -> Result<Vec<GateResult>, StepError> {
    let overrides = project.policy_overrides.as_ref();
    let defaults = ProjectDefaults::of_project(project.default_models.as_ref(), overrides);
    let Some(wanted) = defaults.quality_gates else {
        return Ok(Vec::new());
    };
    let settings = Settings::read(|name| host.env(name));
    let place = Place::of_run(run, project);
    let work = format!("Quality of {}", run.protocol_name);
    let workspace = workspace::open(&place, &work, &settings.workspace)?;
    let Some(folder) = workspace.folder().filter(|folder| folder.is_dir()) else {
        return Err(StepError::failed(
            "the gates cannot be run: the project has no folder on this machine; give it a local_path",
        ));
    };
    let named = overrides.and_then(|overrides| overrides.get("quality_gates"));
    let demanded = named.is_some_and(Value::is_array);
    let gates = Gates {
        configured: &defaults.gates,
        workspace: folder,
        variables: Vec::new(),
        limit: settings.limit(None),
    };
    let run_all = |log: &AgentLog| {
        let cancel = &Cancel::default();
        gates.run(Some(&wanted), &Control { log, cancel })
    };
    let results = workspace.unchanged(|| AgentLog::kept(None, run_all))?;
    workspace.settle(&work)?;
    drop(workspace);
    if let Err(error) = workspace::retire(run, project, &settings.workspace) {
        host.log(&format!(
            "warning: the worktrees are not all removed: {error}"
        ));
    }
    if demanded {
        Ok(results.into_iter().map(verdict::demanded).collect())
    } else {
        Ok(results)
    }
}
