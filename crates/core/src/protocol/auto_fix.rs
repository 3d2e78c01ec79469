//! Mending what a check found, by an engine: what is reported, and what is kept of it.
//!
//! Always so: the number of tries is kept with the step, so that nobody who comes later begins to count anew; its own work,
//! done again, sets it back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::telemetry::spend;
use super::words::words;
use super::{Decision, EventType, FailureKind, NewEvent, Refused, Snapshot, Telemetry};

/// Where a step's runtime state keeps the number of tries.
pub(super) const AUTO_FIX_ATTEMPTS: &str = "auto_fix_attempts";

words! {
    /// How far a try has come.
    AutoFixStage is a "stage of mending" {
        /// It begins.
        Attempt = "attempt",
        /// The engine has done its work.
        Applied = "applied",
        /// The engine has failed.
        Error = "error",
    }
}

/// A try to mend what a check found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AutoFixReport {
    /// How far it has come.
    pub stage: AutoFixStage,
    /// What is mended.
    pub failure: FailureKind,
    /// Which try it is, from 1.
    pub attempt: u32,
    /// How many there may be.
    pub max_attempts: u32,
    /// What went wrong.
    pub error: Option<String>,
    /// What was used and spent.
    pub telemetry: Telemetry,
}

/// How often what a step's check found was mended since its own work was last done.
pub fn auto_fix_attempts(snapshot: &Snapshot, step_run_id: i64) -> u32 {
    let state = snapshot.step(step_run_id).map(|step| &step.runtime_state);
    let kept = state.and_then(|state| state.get(AUTO_FIX_ATTEMPTS)?.as_u64());
    kept.map_or(0, |attempts| u32::try_from(attempts).unwrap_or(u32::MAX))
}

/// A try counts from its beginning, so that a worker that ends in the middle of it has used it up.
pub(super) fn auto_fix(
    snapshot: &Snapshot,
    id: i64,
    report: &AutoFixReport,
) -> Result<Decision, Refused> {
    let mut decision = Decision::from(snapshot);
    let step = snapshot.step(id).ok_or(Refused::UnknownStep(id))?;
    let (event_type, what) = match report.stage {
        AutoFixStage::Attempt => (EventType::QaAutoFixAttempt, "is to be mended"),
        AutoFixStage::Applied => (EventType::QaAutoFixApplied, "was mended"),
        AutoFixStage::Error => (EventType::QaAutoFixError, "could not be mended"),
    };
    let message = format!(
        "What QA of {} found ({}) {what}.",
        step.name, report.failure
    );
    let mut event = NewEvent::new(event_type, message)
        .of_step(id)
        .with("error_type", report.failure.as_str())
        .with("attempt", report.attempt);
    match &report.error {
        Some(error) => event = event.with("error", error.as_str()),
        None => event = event.with("max_attempts", report.max_attempts),
    }
    decision.emit(event);
    decision.remember(id, AUTO_FIX_ATTEMPTS, report.attempt);
    if report.stage != AutoFixStage::Attempt {
        spend(&mut decision, id, &report.telemetry);
    }
    Ok(decision)
}
