//! Triggers after they have made their target ready: from its claim to its work's end.
//!
//! Always so: a trigger is followed for as long as its target's runtime state says so, and it ends once.

use serde_json::Value;

use super::triggers::{depth_of, on_target};
use crate::protocol::{Decision, EventType, NewEvent, Snapshot, Step};

/// Where a target's runtime state keeps how far its trigger has come.
const STAGE: &str = "trigger_status";
/// Where it keeps the name of the step that triggered it.
const SOURCE: &str = "last_triggered_by";
/// It waits to be chosen.
const PENDING: &str = "pending";
/// Someone has claimed it.
const ENQUEUED: &str = "enqueued";

/// A trigger has made this step ready.
pub(super) fn made_ready(decision: &mut Decision, target: i64, source: &str) {
    decision.remember(target, SOURCE, source);
    decision.remember(target, STAGE, PENDING);
}

/// Someone has claimed a step: where a trigger had made it ready, that is told.
pub fn claimed(snapshot: &Snapshot, step_run_id: i64) -> Option<Decision> {
    let mut decision = Decision::from(snapshot);
    taken(&mut decision, step_run_id);
    (!decision.events.is_empty()).then_some(decision)
}

/// A claim that nobody has used is over: where a trigger had made its step ready, that waits again.
pub fn unclaimed(snapshot: &Snapshot, step_run_id: i64) -> Option<Decision> {
    let mut decision = Decision::from(snapshot);
    given_back(&mut decision, step_run_id);
    (!decision.events.is_empty()).then_some(decision)
}

/// The step is in someone's hands.
pub(in crate::protocol) fn taken(decision: &mut Decision, id: i64) {
    if let Some(step) = at(decision, id, PENDING) {
        decision.remember(id, STAGE, ENQUEUED);
        decision.emit(event(&step, EventType::TriggerEnqueued, "is claimed"));
    }
}

/// It is in nobody's hands any more, and no work was reported.
pub(in crate::protocol) fn given_back(decision: &mut Decision, id: i64) {
    if let Some(step) = at(decision, id, ENQUEUED) {
        decision.remember(id, STAGE, PENDING);
        let event = event(&step, EventType::TriggerEnqueueFailed, "was not worked on");
        decision.emit(event);
    }
}

/// Someone stopped its work: it waits to be chosen again.
pub(in crate::protocol) fn stopped(decision: &mut Decision, id: i64) {
    if at(decision, id, ENQUEUED).is_some() {
        decision.remember(id, STAGE, PENDING);
    }
}

/// Its engine did its work.
pub(in crate::protocol) fn executed(decision: &mut Decision, id: i64) {
    end(
        decision,
        id,
        EventType::TriggerExecutedInline,
        "did its work",
    );
}

/// Its engine did not.
pub(in crate::protocol) fn failed(decision: &mut Decision, id: i64) {
    end(decision, id, EventType::TriggerInlineFailed, "failed");
}

/// Something else decides about the step from now on.
pub(in crate::protocol) fn forget(step: &mut Step) {
    step.runtime_state.shift_remove(STAGE);
}

fn end(decision: &mut Decision, id: i64, event_type: EventType, what: &str) {
    if let Some(step) = at(decision, id, ENQUEUED) {
        decision.forget(id, STAGE);
        decision.emit(event(&step, event_type, what));
    }
}

/// The step, where its trigger has come so far.
fn at(decision: &Decision, id: i64, stage: &str) -> Option<Step> {
    let step = decision.after.step(id)?;
    let is_there = step.runtime_state.get(STAGE)? == stage;
    is_there.then(|| step.clone())
}

fn event(target: &Step, event_type: EventType, what: &str) -> NewEvent {
    let source = target.runtime_state.get(SOURCE).and_then(Value::as_str);
    let source = source.unwrap_or_default();
    let message = format!("Step {}, which {source} triggered, {what}.", target.name);
    let event = NewEvent::new(event_type, message).of_step(target.id);
    on_target(event, target, depth_of(target)).with("source", source)
}
