//! The steps of CodeMachine's agents, under the names of events that are theirs alone.
//!
//! Always so: such an event follows the one that a step of any engine has, and says no less.

use super::{Decision, EventType, NewEvent, Step, Telemetry};

/// The engine of such steps.
const CODEMACHINE: &str = "codemachine";

/// Where the step is one: it was done.
pub(super) fn completed(decision: &mut Decision, step: &Step, telemetry: &Telemetry) {
    if is_one(telemetry) {
        let event = event(EventType::CodemachineStepCompleted, step, "executed");
        decision.emit(event.with("spec_validated", true));
    }
}

/// Where the step is one: it failed.
pub(super) fn failed(decision: &mut Decision, step: &Step, telemetry: &Telemetry) {
    if is_one(telemetry) {
        let template = decision.after.template.clone();
        let event = event(EventType::CodemachineStepFailed, step, "failed");
        let event = event.with("step_name", step.name.as_str());
        decision.emit(event.with("template", template));
    }
}

fn is_one(telemetry: &Telemetry) -> bool {
    telemetry.engine_id.as_deref() == Some(CODEMACHINE)
}

fn event(event_type: EventType, step: &Step, what: &str) -> NewEvent {
    let message = format!("CodeMachine step {} {what}.", step.name);
    NewEvent::new(event_type, message).of_step(step.id)
}
