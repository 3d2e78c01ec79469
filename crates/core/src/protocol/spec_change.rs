//! What follows from a spec that came while its protocol may be under way already.
//!
//! Always so: a protocol that has ended takes no spec, and one that a spec blocked is freed by a better one alone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::lifecycle::without_engine;
use super::{
    Decision, EventType, Illegal, NewEvent, ProtocolAction, ProtocolStatus, Refused, Snapshot,
    SpecError, StepAction,
};

/// What became of the step rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StepChanges {
    /// New ones.
    pub added: usize,
    /// Those whose entry, place or dependencies are others now.
    pub changed: usize,
    /// Those that the spec has no more: gone, or, where they had run, cancelled.
    pub removed: usize,
    /// Those that stayed as they were.
    pub kept: usize,
}

/// What is known of a spec that was accepted.
#[derive(Debug, Clone, Copy)]
pub struct AcceptedSpec<'a> {
    /// What became of the steps.
    pub steps: StepChanges,
    /// Where the protocol's files are.
    pub protocol_root: &'a str,
    /// Where the spec came from.
    pub source: Option<&'a str>,
    /// Whether what blocked the protocol was the spec before it.
    pub mends: bool,
}

impl StepChanges {
    /// Whether any row is another now.
    pub fn any(&self) -> bool {
        self.added + self.changed + self.removed > 0
    }
}

/// A spec is there and its steps were made.
///
/// # Errors
/// [`Illegal`] when the protocol has ended.
pub fn spec_accepted(
    snapshot: &Snapshot,
    accepted: &AcceptedSpec<'_>,
) -> Result<Decision, Illegal> {
    let mut decision = Decision::from(snapshot);
    decision.protocol(ProtocolAction::AcceptSpec)?;
    if accepted.mends && snapshot.status == ProtocolStatus::Blocked {
        decision.protocol(ProtocolAction::MendSpec)?;
    }
    let AcceptedSpec { steps, .. } = accepted;
    let count = snapshot.steps.len();
    let event = NewEvent::new(EventType::Planned, format!("Planned with {count} steps."))
        .with("steps_created", steps.added)
        .with("steps_changed", steps.changed)
        .with("steps_removed", steps.removed)
        .with("protocol_root", accepted.protocol_root)
        .with("spec_validated", true)
        .with_all(without_engine());
    decision.emit(match accepted.source {
        Some(source) => event.with("source", source),
        None => event,
    });
    if snapshot.status == ProtocolStatus::Running {
        decision.complete_when_done();
    }
    Ok(decision)
}

/// A spec is wrong. Where the protocol has a valid one it goes on with that, else it is blocked.
///
/// # Errors
/// [`Illegal`] when the protocol has ended.
pub fn spec_rejected(
    snapshot: &Snapshot,
    errors: &[SpecError],
    has_valid_spec: bool,
) -> Result<Decision, Illegal> {
    let mut decision = Decision::from(snapshot);
    decision.protocol(ProtocolAction::AcceptSpec)?;
    decision.after.status = snapshot.status;
    let sentences: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let message = format!("The spec is invalid: {}", sentences.join("; "));
    let event = NewEvent::new(EventType::SpecValidationError, message);
    decision.emit(event.with("errors", json!(sentences)));
    if !has_valid_spec {
        decision.block();
    }
    Ok(decision)
}

/// Steps that have run are no longer in the spec: they end where they are.
///
/// # Errors
/// [`Refused`] where one is unknown.
pub fn drop_steps(snapshot: &Snapshot, ids: &[i64]) -> Result<Decision, Refused> {
    let mut decision = Decision::from(snapshot);
    for id in ids {
        decision.step(*id, StepAction::Drop)?;
    }
    Ok(decision)
}
