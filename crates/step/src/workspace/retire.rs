//! The end of a protocol's worktrees.
//!
//! Always so: nothing that is committed nowhere is removed; what was left unmerged is on a branch before its worktree goes. What
//! was merged stays readable in the first worktree, since outputs and reports are known by their paths.

use std::path::Path;

use super::branch::Branch;
use super::slot::Slot;
use super::{Options, Place, WorkspaceError, changes, nested};

/// Folders that programs make again, and that do not say so with a `CACHEDIR.TAG`.
const CACHES: [&str; 2] = ["node_modules", "__pycache__"];

/// Removes the worktrees of a protocol that has ended, but for those that someone works in, that hold work of another
/// protocol, or that hold what no branch can keep. A branch that all protocols share keeps its own.
///
/// # Errors
/// The first [`WorkspaceError`]; what was not removed is as it was.
pub(super) fn retire(place: &Place, options: &Options) -> Result<(), WorkspaceError> {
    if options.shared_branch.is_some() {
        return Ok(());
    }
    let Some(branch) = Branch::find(&place.if_here(options), options)? else {
        return Ok(());
    };
    let mut done = Ok(());
    for nth in Slot::numbers(&branch)? {
        if let Some(slot) = Slot::free(&branch, nth)?.filter(Slot::is_made) {
            done = done.and(slot.retire(&branch, place.protocol_run_id));
        }
    }
    done
}

impl Slot {
    fn retire(&self, branch: &Branch, protocol_run_id: i64) -> Result<(), WorkspaceError> {
        self.refuse_other(branch)?;
        self.clear_locks()?;
        let left = self.worker();
        let is_others = left
            .as_ref()
            .is_some_and(|work| !work.is_of(protocol_run_id));
        if is_others || !nested::unkept(branch, self)?.is_empty() {
            return Ok(());
        }
        // Whoever wants to check the branch out, or to remove it, can.
        self.git.run(&["checkout", "--quiet", "--detach"])?;
        let tip = branch.tip()?;
        let stays = self.nth == 0 && changes::are_there(branch)?;
        // What a person changed in a worktree that stays is left alone.
        if (left.is_some() || !stays) && self.holds_work(branch, &tip)? {
            self.set_aside(branch, left.as_ref().map_or("worktree", |work| work.name()))?;
            self.go_to(&tip)?;
        } else if self.is_behind(&tip)? && self.go_to(&tip).is_err() {
            // What a person changed is also changed on the branch: theirs stays.
            return self.done();
        }
        if stays || self.holds_more_than_caches()? {
            return self.done();
        }
        self.remove(branch)?;
        self.forget()
    }

    /// Whether something is left that git does not know, or ignores, and that is not made again at any time.
    fn holds_more_than_caches(&self) -> Result<bool, WorkspaceError> {
        let words = [
            "status",
            "--porcelain",
            "--ignored",
            "--untracked-files=normal",
            "-z",
        ];
        let listed = self.git.run(&words)?;
        let mut left = listed.split('\0').filter_map(|entry| entry.get(3..));
        Ok(left.any(|path| !is_cache(&self.folder().join(path))))
    }
}

fn is_cache(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.join("CACHEDIR.TAG").is_file() || path.is_dir() && CACHES.contains(&name.as_ref())
}
