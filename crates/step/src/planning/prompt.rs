//! The prompt that asks for a plan.
//!
//! Always so: the workspace's own wins over the one that comes with the program, and never leads out of the workspace.

use std::fs;
use std::path::Path;

use super::PlanningError;
use crate::runner::{PLAN, Prompt};
use crate::workspace::WorkspaceError;

/// The prompt; as text where the engine reads text.
pub(super) fn find(workspace: &Path, as_text: bool) -> Result<Prompt, PlanningError> {
    let path = workspace.join(PLAN.name);
    if fs::symlink_metadata(&path).is_err() {
        return Ok(Prompt {
            path,
            ..PLAN.prompt()
        });
    }
    let resolved =
        |path: &Path| fs::canonicalize(path).map_err(|error| WorkspaceError::file(path, error));
    if !resolved(&path)?.starts_with(resolved(workspace)?) {
        let reason = std::io::Error::other("it leads out of the workspace");
        return Err(WorkspaceError::file(&path, reason).into());
    }
    Prompt::read("the planning prompt", &path, as_text)
        .map_err(|error| PlanningError::Prompt(error.to_string()))
}
