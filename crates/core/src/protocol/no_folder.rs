//! Work and plans for which the project's folder is not there.
//!
//! Always so: the event stands beside the failure's own, and tells an address without user and password.

use super::address::split_secret;
use super::{Decision, EventType, NewEvent};

/// How such a failure is reported.
const KIND: &str = "NoWorkspace";

/// Where a failure is of this kind: tells which folder is missing, for a step or for the protocol as a whole.
pub(super) fn tell(
    decision: &mut Decision,
    event_type: EventType,
    step_run_id: Option<i64>,
    error_type: Option<&str>,
) {
    if error_type != Some(KIND) {
        return;
    }
    let (address, folder) = (&decision.after.git_url, &decision.after.folder);
    let address = address.as_deref().map(|address| split_secret(address).0);
    let message = match folder {
        Some(folder) => format!("The project's folder {folder} is not there."),
        None => "The project has no folder on this machine.".to_owned(),
    };
    let mut event = NewEvent::new(event_type, message).with("git_url", address);
    if event_type == EventType::RepoMissing {
        event = match folder {
            Some(folder) => event.with("resolved_path", folder.as_str()),
            None => event,
        };
    }
    event.step_run_id = step_run_id;
    decision.emit(event);
}
