//! A protocol's branch that is worked on by several machines: it follows the one in the project's repository.
//!
//! Always so: what is here is there too when a step's work begins and when it has ended. A branch that was removed there, or
//! has gone another way, is told, and nothing is overwritten.

use super::branch::Branch;
use super::remote::{Pushed, Remote};
use super::settle::advance;
use super::{Place, WorkspaceError};
use crate::files::write_whole;

/// So often a push is tried anew when others have pushed in between.
const TRIES: usize = 20;

impl Branch {
    /// Brings the branch to where it stands in the repository, and begins it there where nobody has. Under the branch's lock.
    pub(super) fn meet(&self, remote: &Remote, place: &Place) -> Result<(), WorkspaceError> {
        for _ in 0..TRIES {
            let tips = remote.look()?;
            let here = self.git().commit(&self.reference())?;
            let met = match (here, &tips.branch) {
                (None, None) => {
                    self.refuse_lost(remote, place)?;
                    let base = if place.is_clone {
                        remote.bring_base(&tips)?
                    } else {
                        self.base(&place.base_branch)?
                    };
                    let first = self.with_protocol_folder(&base, &place.protocol_name)?;
                    let pushed = remote.push(&first)?;
                    if pushed == Pushed::Done {
                        self.set(&first)?;
                    }
                    pushed
                }
                (None, Some(there)) => {
                    self.take(remote, there)?;
                    Pushed::Done
                }
                (Some(here), None) => {
                    if remote.seen()?.is_some() {
                        return Err(self.gone(remote));
                    }
                    remote.push(&here)?
                }
                (Some(here), Some(there)) => self.follow(remote, &here, there)?,
            };
            if met == Pushed::Done {
                let note = self.note("shared");
                return write_whole(&note, b"").map_err(|error| WorkspaceError::file(&note, error));
            }
        }
        Err(self.too_late())
    }

    /// Brings a shared branch to where it stands in the repository, where it is there.
    pub(super) fn caught_up(&self) -> Result<(), WorkspaceError> {
        let Some(remote) = self.remote() else {
            return Ok(());
        };
        let _lock = self.lock()?;
        let Some(there) = remote.look()?.branch else {
            return Ok(());
        };
        match self.git().commit(&self.reference())? {
            Some(here) => self.follow(remote, &here, &there).map(drop),
            None => self.take(remote, &there),
        }
    }

    /// Pushes what is to be merged into the branch. Where others were faster, the branch is brought to what they pushed.
    pub(super) fn publish(&self, commit: &str, tip: &str) -> Result<Pushed, WorkspaceError> {
        let Some(remote) = self.remote() else {
            return Ok(Pushed::Done);
        };
        if commit == tip || remote.push(commit)? == Pushed::Done {
            return Ok(Pushed::Done);
        }
        let there = remote.look()?.branch.ok_or_else(|| self.gone(remote))?;
        self.follow(remote, tip, &there)?;
        Ok(Pushed::Late)
    }

    /// Pushes a branch with work that could not be merged, for people to find it; it is here all the same.
    pub(super) fn publish_kept(&self, commit: &str, name: &str) {
        if let Some(remote) = self.remote() {
            let _ = remote.push_as(commit, &format!("refs/heads/{name}"));
        }
    }

    pub(super) fn too_late(&self) -> WorkspaceError {
        WorkspaceError::TooLate {
            branch: self.name().to_owned(),
        }
    }

    fn follow(&self, remote: &Remote, here: &str, there: &str) -> Result<Pushed, WorkspaceError> {
        let seen = remote.seen()?;
        let there = remote.bring(there)?;
        let is_behind = |one: &str, other: &str| {
            let words = ["merge-base", "--is-ancestor", one, other];
            self.git().holds(&words)
        };
        // Whatever is here was there, at the latest when it was last seen.
        let was_there = match &seen {
            Some(seen) => is_behind(here, seen)?,
            None => false,
        };
        if here != there {
            if is_behind(here, &there)? {
                advance(self, None, here, &there)?;
            } else if was_there {
                // Somebody has set the branch back, or written it anew: nothing is lost here but what they took out.
                self.keep(here, "before", "")?;
                advance(self, None, here, &there)?;
            } else if is_behind(&there, here)? && seen.is_none_or(|seen| seen == there) {
                return remote.push(here);
            } else {
                return Err(WorkspaceError::Diverged {
                    branch: self.name().to_owned(),
                    address: remote.address().to_owned(),
                    checkout: self.checkout.clone(),
                    there,
                });
            }
        }
        remote.saw(&there)?;
        Ok(Pushed::Done)
    }

    /// Begins the branch here where it stands there.
    fn take(&self, remote: &Remote, there: &str) -> Result<(), WorkspaceError> {
        let there = remote.bring(there)?;
        self.set(&there)?;
        remote.saw(&there)
    }

    fn set(&self, commit: &str) -> Result<(), WorkspaceError> {
        let words = ["update-ref", &self.reference(), commit, ""];
        self.git().run(&words).map(drop)
    }

    /// Refuses to begin a branch anew that has been begun.
    fn refuse_lost(&self, remote: &Remote, place: &Place) -> Result<(), WorkspaceError> {
        let origin = place.origin.as_ref();
        if origin.is_some_and(|origin| origin.is_shared) {
            return Err(self.gone(remote));
        }
        let first = self.folder(0);
        let begun = origin.and_then(|origin| origin.worktree.as_ref());
        match begun.filter(|begun| first.to_str() != Some(begun)) {
            Some(worktree) => Err(WorkspaceError::Elsewhere {
                branch: self.name().to_owned(),
                address: remote.address().to_owned(),
                worktree: worktree.clone(),
            }),
            None => Ok(()),
        }
    }

    fn gone(&self, remote: &Remote) -> WorkspaceError {
        WorkspaceError::BranchGone {
            branch: self.name().to_owned(),
            address: remote.address().to_owned(),
            checkout: self.checkout.clone(),
        }
    }
}
