//! A branch that is kept for one plan.
//!
//! Always so: one plans for a branch at a time, and until a protocol names the plan, a note of ours says so.

use std::fs::{self, File};
use std::path::PathBuf;

use super::branch::Branch;
use super::lock::try_lock;
use super::{Found, Options, Place, WorkspaceError, files, retire};
use crate::files::write_whole;

/// What the note says of a branch that was made for the plan.
const NEW: &[u8] = b"new";

/// A branch that nobody else plans for, as long as this lives.
#[derive(Debug)]
pub(crate) struct Reserved(Option<Kept>);

#[derive(Debug)]
struct Kept {
    note: PathBuf,
    _lock: File,
}

impl Reserved {
    /// Reserves a place's branch; none where someone else has. Without git there is nothing to reserve.
    ///
    /// # Errors
    /// [`WorkspaceError`].
    pub(crate) fn take(place: &Place, options: &Options) -> Result<Option<Self>, WorkspaceError> {
        let Some(branch) = Branch::find(place, options)? else {
            return Ok(Some(Self(None)));
        };
        let lock = try_lock(&branch.note("planning.lock"))?;
        let note = note(&branch);
        Ok(lock.map(|lock| Self(Some(Kept { note, _lock: lock }))))
    }

    /// Planning begins on the branch, of which this was found.
    ///
    /// # Errors
    /// [`WorkspaceError`] where the note cannot be written.
    pub(crate) fn begin(&self, found: Option<Found>) -> Result<(), WorkspaceError> {
        let Some(Kept { note, .. }) = &self.0 else {
            return Ok(());
        };
        let is_new = found.is_none() || fs::read(note).is_ok_and(|text| text == NEW);
        let text = if is_new { NEW } else { b"" };
        write_whole(note, text).map_err(|error| WorkspaceError::file(note, error))
    }

    /// A protocol names the plan.
    ///
    /// # Errors
    /// [`WorkspaceError`] where the note cannot be removed.
    pub(crate) fn named(self) -> Result<(), WorkspaceError> {
        self.0.map_or(Ok(()), |kept| files::remove(&kept.note))
    }

    /// No plan was made: the worktree of a branch that is there for the plan alone is removed.
    ///
    /// # Errors
    /// [`WorkspaceError`].
    pub(crate) fn failed(self, place: &Place, options: &Options) -> Result<(), WorkspaceError> {
        let kept = self
            .0
            .filter(|kept| fs::read(&kept.note).is_ok_and(|text| text == NEW));
        kept.map_or(Ok(()), |_| retire::retire(place, options))
    }
}

/// Whether a plan was begun on a branch that no protocol names.
pub(super) fn is_unnamed(branch: &Branch) -> bool {
    note(branch).exists()
}

fn note(branch: &Branch) -> PathBuf {
    branch.note("planning")
}
