//! What the environment says about work in git.
//!
//! Always so: the variables are read in one place; without any of them a protocol has a branch of its own.

use std::path::PathBuf;

/// The shared branch's name where none is given, as in the contract.
const SHARED_BRANCH: &str = "tasksgodzilla-worktree";

/// The environment's word on work in git.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Steps work in the project's folder itself, and nothing is committed.
    pub(super) off: bool,
    /// Where worktrees are made; beside the project's folder when absent.
    pub(super) folder: Option<PathBuf>,
    /// The one branch that all protocols share.
    pub(super) shared_branch: Option<String>,
}

impl Options {
    /// Reads the variables; an empty one counts as absent.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name: &str| variable(name).filter(|text| !text.is_empty());
        let is_one_of = |name: &str, words: [&str; 3]| {
            text(name).is_some_and(|text| words.contains(&text.to_lowercase().as_str()))
        };
        let shared = is_one_of("TASKSGODZILLA_SINGLE_WORKTREE", ["true", "1", "yes"]);
        let name = text("TASKSGODZILLA_WORKTREE_BRANCH");
        Self {
            off: is_one_of("MILLWRIGHT_GIT", ["off", "false", "0"]),
            folder: text("MILLWRIGHT_WORKTREES").map(PathBuf::from),
            shared_branch: shared.then(|| name.unwrap_or_else(|| SHARED_BRANCH.to_owned())),
        }
    }
}
