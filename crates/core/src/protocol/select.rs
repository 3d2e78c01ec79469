//! Selection: which steps may be taken now.
//!
//! Always so: a step that is done or in someone's hands is never selected, and the order is that of the indices.

use super::{Snapshot, Step, StepStatus};

/// The steps that may be claimed now, by index: those that are pending with every dependency completed; where there
/// are none, those that were executed and that nobody is left to check.
pub fn ready_steps(snapshot: &Snapshot) -> Vec<i64> {
    if !snapshot.status.takes_steps() {
        return Vec::new();
    }
    let ids = |wanted: &dyn Fn(&Step) -> bool| -> Vec<i64> {
        let free = snapshot.steps.iter().filter(|step| !step.claimed);
        free.filter(|step| wanted(step))
            .map(|step| step.id)
            .collect()
    };
    let pending =
        ids(&|step| step.status == StepStatus::Pending && waits_for(snapshot, step).is_empty());
    if pending.is_empty() {
        ids(&|step| step.status == StepStatus::NeedsQa)
    } else {
        pending
    }
}

/// What a step still waits for, each with how it stands.
pub(super) fn waits_for(snapshot: &Snapshot, step: &Step) -> Vec<String> {
    let open = |id: &i64| match snapshot.step(*id) {
        Some(step) if step.status.satisfies() => None,
        Some(step) => Some(format!("step {id} ({}, {})", step.name, step.status)),
        None => Some(format!("step {id} (which does not exist)")),
    };
    step.depends_on.iter().filter_map(open).collect()
}
