//! The prompts that ask for a plan, and the templates of documents.
//!
//! Always so: the workspace's own wins over the one that comes with the program, and never leads out of the workspace.

use std::fs;
use std::path::{Path, PathBuf};

use super::PlanningError;
use crate::runner::{Bundled, Prompt};
use crate::workspace::WorkspaceError;

/// A prompt; as text where the engine reads text.
pub(super) fn find(
    workspace: &Path,
    bundled: Bundled,
    as_text: bool,
) -> Result<Prompt, PlanningError> {
    match own(workspace, bundled.name)? {
        Some(path) => Prompt::read("the prompt", &path, as_text)
            .map_err(|error| PlanningError::Prompt(error.to_string())),
        None => Ok(Prompt {
            path: workspace.join(bundled.name),
            ..bundled.prompt()
        }),
    }
}

/// The workspace's own file of a name, where it has one.
fn own(workspace: &Path, name: &str) -> Result<Option<PathBuf>, PlanningError> {
    let path = workspace.join(name);
    if fs::symlink_metadata(&path).is_err() {
        return Ok(None);
    }
    let resolved =
        |path: &Path| fs::canonicalize(path).map_err(|error| WorkspaceError::file(path, error));
    if !resolved(&path)?.starts_with(resolved(workspace)?) {
        let reason = std::io::Error::other("it leads out of the workspace");
        return Err(WorkspaceError::file(&path, reason).into());
    }
    Ok(Some(path))
}
