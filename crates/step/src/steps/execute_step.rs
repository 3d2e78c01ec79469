//! `execute_step`: executes a step on the worker itself.
//!
//! Always so: it follows the same path as the API's execution, and the API decides what follows from its outcome.

use millwright_core::catalog::scripts::execute_step::{Args, Output, Status};
use millwright_core::catalog::{Object, Script};
use millwright_core::protocol::{Begun, ExecutionOutcome, Kind};
use serde_json::json;

use super::StepError;
use super::registration::{Belongs, with_own_run};
use super::worker::{self, Wanted};
use crate::host::NativeHost;
use crate::runner::Executed;

/// So much of the output is part of the result, which travels through Windmill; all of it is in the files.
const LONGEST_OUTPUT: usize = 16 * 1024;

/// Claims, executes, reports.
///
/// # Errors
/// When the API refuses, and when the execution fails.
pub(super) async fn run(args: Args, host: &NativeHost) -> Result<Output, StepError> {
    let wanted = Wanted {
        step_run_id: args.step_run_id,
        protocol_run_id: args.protocol_run_id,
        step_id: args.step_id.as_deref(),
        claim: args.claim.as_deref(),
    };
    let work = worker::begin(&wanted, Kind::Execute, host).await?;
    let agent = Some(args.agent_id.as_str());
    let step = work.begun.claim.step_run_id;
    with_own_run(host, Args::NAME, Belongs::step(step), async |run| {
        let executed = worker::run(host, run, agent, &args.context, |runner| {
            runner.execute(&work.begun)
        });
        if executed
            .as_ref()
            .map_or(true, |done| done.step.status.is_done())
        {
            worker::tidy(work.begun.assignment.protocol_run_id, host).await;
        }
        finish(executed?, &work.begun)
    })
    .await
}

fn finish(executed: Executed, begun: &Begun) -> Result<Output, StepError> {
    if executed.report.outcome == ExecutionOutcome::Succeeded {
        Ok(output(executed, begun.claim.claim.clone()))
    } else {
        Err(failure(&executed))
    }
}

fn output(executed: Executed, claim: String) -> Output {
    let telemetry = executed.report.telemetry;
    let outputs = telemetry.outputs.unwrap_or_default();
    Output {
        status: Status::Success,
        executed_by: telemetry.engine_id.unwrap_or_default(),
        output: beginning(&executed.output),
        error: None,
        duration_seconds: telemetry.duration_seconds.unwrap_or_default(),
        artifacts: outputs
            .protocol
            .into_iter()
            .chain(outputs.aux.into_values())
            .collect(),
        step_run_id: executed.step.id,
        step_status: executed.step.status,
        claim: Some(claim),
    }
}

fn beginning(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    if text.len() <= LONGEST_OUTPUT {
        return text.into_owned();
    }
    let end = text.floor_char_boundary(LONGEST_OUTPUT);
    format!("{}…", &text[..end])
}

fn failure(executed: &Executed) -> StepError {
    let step = &executed.step;
    StepError::Failed {
        message: executed.report.summary.clone(),
        details: Object::from_iter([
            ("error_type".to_owned(), json!(executed.report.error_type)),
            ("step_run_id".to_owned(), json!(step.id)),
            ("step_status".to_owned(), json!(step.status)),
        ]),
    }
}
