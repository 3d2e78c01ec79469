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
    /// Protocols' branches are shared through the projects' repositories, also from folders that are here.
    pub(super) shares: bool,
    /// Where projects are cloned whose folder is not here; none are where this is absent.
    pub(super) clones: Option<PathBuf>,
    /// The one branch that all protocols share.
    pub(super) shared_branch: Option<String>,
}

impl Options {
    /// Reads the variables; an empty one counts as absent.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name: &str| variable(name).filter(|text| !text.is_empty());
        let is_one_of = |name: &str, words: &[&str]| {
            text(name).is_some_and(|text| words.contains(&text.to_lowercase().as_str()))
        };
        let shared = is_one_of("TASKSGODZILLA_SINGLE_WORKTREE", &["true", "1", "yes"]);
        let name = text("TASKSGODZILLA_WORKTREE_BRANCH");
        Self {
            off: is_one_of("MILLWRIGHT_GIT", &["off", "false", "0"]),
            folder: text("MILLWRIGHT_WORKTREES").map(PathBuf::from),
            shares: is_one_of("MILLWRIGHT_GIT", &["remote"]),
            clones: cache(&text)
                .filter(|_| !is_one_of("TASKSGODZILLA_AUTO_CLONE", &["off", "false", "0", "no"]))
                .map(|cache| cache.join("projects")),
            shared_branch: shared.then(|| name.unwrap_or_else(|| SHARED_BRANCH.to_owned())),
        }
    }
}

/// The folder for what can be fetched again.
fn cache(text: &impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let folder = |name: &str| text(name).map(PathBuf::from);
    let users = || {
        let home = || folder("HOME").map(|home| home.join(".cache"));
        folder("XDG_CACHE_HOME").or_else(home)
    };
    let own = || users().map(|users| users.join("millwright"));
    folder("MILLWRIGHT_CACHE").or_else(own)
}
