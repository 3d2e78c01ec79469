//! The branches of a project's checkout: what is told of them.
//!
//! Always so: such an event belongs to the protocol that sets the project up.

use super::{EventType, NewEvent};

/// So many branches are put on record.
const MOST: usize = 200;

/// Someone has asked which branches there are.
pub fn branches_listed(project_id: i64, names: &[String]) -> NewEvent {
    let told = &names[..names.len().min(MOST)];
    let message = format!("Listed {} branches.", names.len());
    NewEvent::new(EventType::BranchesListed, message)
        .with("project_id", project_id)
        .with("branches", told)
        .with("truncated", names.len() > told.len())
}

/// A branch was removed; `commit` is where it was.
pub fn branch_deleted(project_id: i64, branch: &str, commit: &str) -> NewEvent {
    let message = format!("Branch {branch} was deleted; it was at {commit}.");
    NewEvent::new(EventType::BranchDeleted, message)
        .with("project_id", project_id)
        .with("branch", branch)
        .with("commit", commit)
}

/// A branch was to be removed, and stays.
pub fn branch_delete_failed(project_id: i64, branch: &str, error: &str) -> NewEvent {
    let message = format!("Branch {branch} was not deleted: {error}");
    NewEvent::new(EventType::BranchDeleteFailed, message)
        .with("project_id", project_id)
        .with("branch", branch)
        .with("error", error)
}
