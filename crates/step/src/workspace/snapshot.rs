//! What a worktree holds at a moment, to come back to.
//!
//! Always so: what git ignores stays as it is, and the worktree's own index is not touched.

use std::fs;
use std::path::PathBuf;

use super::WorkspaceError;
use super::branch::Branch;
use super::files;
use super::git::Git;
use super::slot::Slot;

/// A worktree's files at a moment.
pub(super) struct Snapshot<'s> {
    slot: &'s Slot,
    git: Git,
    index: PathBuf,
    head: String,
    tree: String,
}

impl<'s> Snapshot<'s> {
    /// Remembers all files that would be committed.
    pub(super) fn of(slot: &'s Slot, branch: &Branch) -> Result<Self, WorkspaceError> {
        let words = ["rev-parse", "--path-format=absolute", "--git-path", "index"];
        let own = slot.git.run(&words)?;
        let index = branch.note(&format!("{}.index", slot.nth));
        // The copy knows which files git has seen as they are, so that only others are read.
        fs::copy(own, &index).map_err(|error| WorkspaceError::file(&index, error))?;
        let git = slot.git.with_index(&index);
        Ok(Self {
            head: slot.head()?,
            tree: tree(&git)?,
            slot,
            git,
            index,
        })
    }

    /// Brings back what was there, and takes away what was not.
    pub(super) fn restore(self) -> Result<(), WorkspaceError> {
        if tree(&self.git)? != self.tree {
            self.git.run(&["read-tree", "--reset", "-u", &self.tree])?;
        }
        if self.slot.head()? != self.head {
            let words = ["reset", "--quiet", "--soft", &self.head];
            self.slot.git.run(&words)?;
        }
        files::remove(&self.index)
    }
}

fn tree(git: &Git) -> Result<String, WorkspaceError> {
    git.run(&["add", "--all", "--", "."])?;
    git.run(&["write-tree"])
}
