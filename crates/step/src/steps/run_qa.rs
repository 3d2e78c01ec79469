//! `run_qa`: checks an executed step on the worker itself.
//!
//! Always so: a verdict of `fail` is a result; only a check that could not be made fails the job.

use millwright_core::catalog::Script;
use millwright_core::catalog::scripts::run_qa::{Args, GateResult, Output, Verdict};
use millwright_core::protocol::{self, GateStatus, Kind};

use super::StepError;
use super::registration::{Belongs, with_own_run};
use super::worker::{self, Wanted};
use crate::host::NativeHost;
use crate::runner::Checked;

/// Claims, checks, reports.
///
/// # Errors
/// When the API refuses, and when the check is stopped.
pub(super) async fn run(args: Args, host: &NativeHost) -> Result<Output, StepError> {
    let wanted = Wanted {
        step_run_id: args.step_run_id,
        protocol_run_id: args.protocol_run_id,
        step_id: args.step_id.as_deref(),
        claim: args.claim.as_deref(),
    };
    let work = worker::begin(&wanted, Kind::Qa, host).await?;
    let step = work.begun.claim.step_run_id;
    with_own_run(host, Args::NAME, Belongs::step(step), async |run| {
        let checked = worker::run(host, run, None, &args.constitution, |runner| {
            runner.check(&work.begun, None)
        });
        if checked
            .as_ref()
            .map_or(true, |done| done.step.status.is_done())
        {
            worker::tidy(work.begun.assignment.protocol_run_id, host).await;
        }
        output(checked?)
    })
    .await
}

fn output(checked: Checked) -> Result<Output, StepError> {
    let report = checked.report;
    let verdict = match report.verdict {
        Some(protocol::QaVerdict::Passed) => Verdict::Pass,
        Some(protocol::QaVerdict::Warning) => Verdict::Warn,
        Some(protocol::QaVerdict::Failed) => Verdict::Fail,
        None => return Err(StepError::failed(report.summary)),
    };
    Ok(Output {
        passed: !matches!(verdict, Verdict::Fail),
        verdict,
        gate_results: report.gates.iter().map(gate).collect(),
        summary: report.summary,
        duration_seconds: report.telemetry.duration_seconds.unwrap_or_default(),
        step_run_id: checked.step.id,
        step_status: checked.step.status,
    })
}

fn gate(gate: &protocol::GateResult) -> GateResult {
    let found = gate.findings.first().map(|finding| finding.message.clone());
    GateResult {
        gate_id: gate.id.to_string(),
        name: gate.name.clone(),
        passed: gate.status != GateStatus::Failed,
        message: found.unwrap_or_else(|| gate.status.to_string()),
        severity: if gate.status == GateStatus::Failed {
            "error".to_owned()
        } else {
            "warning".to_owned()
        },
    }
}
