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
    /// The project's folder is not there, and no clone of its repository either.
    #[error(
        "the project has no folder on this machine{}, and its repository cannot be cloned into {clone}: {why}",
        .folder.as_deref().map(|folder| format!(" ({} is not there)", folder.display())).unwrap_or_default(),
        clone = clone.display()
    )]
    NotCloned {
        /// The project's own folder.
        folder: Option<PathBuf>,
        /// Where the clone would be.
        clone: PathBuf,
        /// Why, and what to do.
        why: String,
    },
    /// Another process makes the clone, and does not come to an end.
    #[error(
        "another job has been making the clone {clone} for too long: see what it does, end it, and run this again ({lock} is held by it)",
        clone = clone.display(), lock = lock.display()
    )]
    CloneTaken {
        /// The clone.
        clone: PathBuf,
        /// The file whose lock it holds.
        lock: PathBuf,
    },
    /// The project's repository does not answer as it should.
    #[error("{doing} {address} failed: {said}; {next}")]
    Remote {
        /// What git was to do.
        doing: &'static str,
        /// The address, without what is secret in it.
        address: String,
        /// What git said.
        said: String,
        /// What to do.
        next: &'static str,
    },
    /// The project's repository has nothing to begin from.
    #[error(
        "{address} has no branch {base}, and no other to begin from: push one, or give the project another base_branch"
    )]
    NoBase {
        /// The address.
        address: String,
        /// The branch.
        base: String,
    },
    /// A protocol's branch that was shared is not in the repository any more.
    #[error(
        "the branch {branch} was removed from {address}: push it there again, from {checkout} or another machine that has it, or cancel the protocol",
        checkout = checkout.display()
    )]
    BranchGone {
        /// The branch.
        branch: String,
        /// The repository.
        address: String,
        /// The checkout, or clone, on this machine.
        checkout: PathBuf,
    },
    /// Another machine has worked for the protocol, and has not pushed its branch.
    #[error(
        "the branch {branch} is not in {address}: another machine has begun it in {worktree}. Push it from there (`git push`), and set MILLWRIGHT_GIT=remote on every machine that works here; or let them all have one folder"
    )]
    Elsewhere {
        /// The branch.
        branch: String,
        /// The repository.
        address: String,
        /// The worktree there.
        worktree: String,
    },
    /// The branch here and the one in the repository have gone different ways.
    #[error(
        "the branch {branch} has commits here that {address} lacks, and other ones there: in {checkout}, merge {there} into it and push it, or set it back to that commit; then run the step again",
        checkout = checkout.display()
    )]
    Diverged {
        /// The branch.
        branch: String,
        /// The repository.
        address: String,
        /// The checkout, or clone, on this machine.
        checkout: PathBuf,
        /// Where it stands there.
        there: String,
    },
    /// Others were always faster.
    #[error("others have pushed to {branch} again and again meanwhile: run the step again")]
    TooLate {
        /// The branch.
        branch: String,
    },
    /// A protocol's folder stays on this machine, though others work for the protocol too.
    #[error(
        "git ignores {folder}, so that other machines would not find the protocol's files: take it out of .gitignore, or let all of them have the project's folder as local_path",
        folder = folder.display()
    )]
    Ignored {
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
            Self::Missing { .. } | Self::NotCloned { .. } => "NoWorkspace",
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
