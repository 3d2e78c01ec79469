//! What an import of a workspace means for its protocol.
//!
//! Always so: it is on record as an event, and a workspace that gives no spec blocks its protocol.

use serde_json::{Value, json};

use super::Problem;
use crate::protocol::transition::ProtocolAction;
use crate::protocol::{Decision, EventType, Illegal, NewEvent, Snapshot};

/// The import waits to be done, as a job of ours.
pub fn import_enqueued(job_id: &str, workspace: &str) -> NewEvent {
    let message = format!("The workspace {workspace} is to be imported.");
    NewEvent::new(EventType::CodemachineImportEnqueued, message)
        .with("job_id", job_id)
        .with("workspace", workspace)
}

/// A spec was made of a workspace, of which validation then found this, and of which so many steps were made.
pub fn imported(
    workspace: &str,
    spec: &Value,
    spec_hash: &str,
    is_valid: bool,
    steps_created: usize,
) -> NewEvent {
    let steps = spec
        .get("steps")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    let message = format!("The workspace {workspace} was imported: {steps} steps.");
    NewEvent::new(EventType::CodemachineImported, message)
        .with("workspace", workspace)
        .with("steps_created", steps_created)
        .with(
            "template",
            spec.get("template").cloned().unwrap_or(json!(null)),
        )
        .with("spec_hash", spec_hash)
        .with("spec_validated", is_valid)
}

/// A workspace gives no spec: the protocol is blocked.
///
/// # Errors
/// [`Illegal`] when the protocol has ended.
pub fn import_failed(snapshot: &Snapshot, problems: &[Problem]) -> Result<Decision, Illegal> {
    let mut decision = Decision::from(snapshot);
    decision.protocol(ProtocolAction::AcceptSpec)?;
    let sentences: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let message = format!("The workspace gives no spec: {}", sentences.join("; "));
    decision.emit(NewEvent::new(EventType::CodemachineImportFailed, message));
    decision.block();
    Ok(decision)
}
