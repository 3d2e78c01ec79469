//! Why work in git cannot begin or be merged.
//!
//! Always so: the message names the files or the folder, and says what to do next.

use std::io;
use std::path::{Path, PathBuf};

use crate::host::ProcessError;

/// Why a step's work has no folder, or is not merged.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// Git cannot be run.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// Git failed.
    #[error("git {word} in {folder} {how}: {said}", folder = folder.display())]
    Git {
        /// Its first argument.
        word: String,
        /// Where it ran.
        folder: PathBuf,
        /// Its exit code.
        how: String,
        /// What it said.
        said: String,
    },
    /// A file or folder cannot be used.
    #[error("{path}: {reason}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// The project's folder is not there.
    #[error(
        "the project's folder {folder} is not on this machine: bring it back, or give the project another local_path",
        folder = folder.display()
    )]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// A branch's name cannot be one.
    #[error("the branch {name:?} cannot be used: {problem}")]
    BadBranch {
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A branch that was to be removed is not as it was found.
    #[error("the branch {0} has moved, or was checked out, in between: look at it, and ask again")]
    BranchMoved(String),
    /// Someone has checked the protocol's branch out.
    #[error(
        "the branch {branch} is checked out in {path}: switch that checkout to another branch, since steps are committed to this one",
        path = path.display()
    )]
    BranchInUse {
        /// The branch.
        branch: String,
        /// The checkout.
        path: PathBuf,
    },
    /// The folder for a worktree holds something else.
    #[error(
        "{path} is no worktree of this repository: clear it, or name another folder in MILLWRIGHT_WORKTREES",
        path = path.display()
    )]
    Taken {
        /// The folder.
        path: PathBuf,
    },
    /// What a repository inside of the worktree holds would be committed nowhere.
    #[error(
        "repositories inside of the worktree hold what is nowhere else, in {paths}: it is kept in {folder}. What belongs to a \
         repository of its own: commit it there and fetch it into the same folder of {checkout}. What belongs to this one: \
         remove that folder's .git, and `git rm --cached` it where git knows it. Then run the step again",
        paths = paths.join(", "), folder = folder.display(), checkout = checkout.display()
    )]
    SubmoduleChanged {
        /// Their folders.
        paths: Vec<String>,
        /// The worktree.
        folder: PathBuf,
        /// The user's checkout.
        checkout: PathBuf,
    },
    /// Two steps changed the same.
    #[error(
        "{work} conflicts with what was merged into {branch} before it, in {files}; its work is kept on the branch {kept}: run it again, or merge that branch by hand",
        files = files.join(", ")
    )]
    Conflict {
        /// The step.
        work: String,
        /// The protocol's branch.
        branch: String,
        /// The files.
        files: Vec<String>,
        /// The branch that holds the step's work.
        kept: String,
    },
}

impl WorkspaceError {
    /// The kind of failure, as events name it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "NoWorkspace",
            Self::Conflict { .. } => "MergeConflict",
            Self::BranchInUse { .. } => "BranchInUse",
            Self::SubmoduleChanged { .. } => "SubmoduleChanged",
            _ => "WorkspaceUnusable",
        }
    }

    /// A file or folder cannot be used.
    pub(crate) fn file(path: &Path, reason: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            reason,
        }
    }
}
