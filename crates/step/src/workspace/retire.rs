//! The end of a protocol's worktrees.
//!
//! Always so: nothing that is committed nowhere is removed; what was left unmerged is on a branch before its worktree goes. The
//! protocol's folder stays where it was, since reports and outputs are known by their paths.

use std::fs;
use std::path::Path;

use super::branch::Branch;
use super::slot::Slot;
use super::{Options, Place, WorkspaceError, nested};

/// Removes the worktrees of a protocol that has ended, but for those that someone works in. A branch that protocols share
/// keeps its own.
///
/// # Errors
/// [`WorkspaceError`]; what was not removed is as it was.
pub(super) fn retire(place: &Place, options: &Options) -> Result<(), WorkspaceError> {
    if options.shared_branch.is_some() {
        return Ok(());
    }
    let Some(branch) = Branch::find(place, options)? else {
        return Ok(());
    };
    for nth in (0..).take_while(|nth| branch.folder(*nth).exists()) {
        if let Some(slot) = Slot::free(&branch, nth)?.filter(Slot::is_made) {
            slot.retire(&branch)?;
        }
    }
    Ok(())
}

impl Slot {
    fn retire(&self, branch: &Branch) -> Result<(), WorkspaceError> {
        self.refuse_other(branch)?;
        self.clear_locks()?;
        if !nested::unkept(branch, self)?.is_empty() {
            return Ok(());
        }
        self.git.run(&["checkout", "--quiet", "--detach"])?;
        if self.holds_work(branch, &branch.tip()?)? {
            let left = self.worker();
            self.set_aside(branch, left.as_ref().map_or("worktree", |work| work.name()))?;
        }
        let kept = self.kept();
        let own = self.folder().join(&branch.protocol_folder);
        let keeps = self.nth == 0 && own.is_dir();
        if keeps {
            moved(&own, &kept.join(&branch.protocol_folder))?;
        }
        self.remove(branch)?;
        self.forget()?;
        if keeps {
            moved(&kept, self.folder())?;
        }
        Ok(())
    }
}

fn moved(from: &Path, to: &Path) -> Result<(), WorkspaceError> {
    let failed = |error| WorkspaceError::file(from, error);
    let parent = to.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(parent).map_err(failed)?;
    fs::rename(from, to).map_err(failed)
}
