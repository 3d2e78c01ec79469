//! A worktree that one step works in at a time.
//!
//! Always so: it is locked while it is used, and the lock ends with the process; at work it is on no branch, so that the
//! branch can move without it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::branch::Branch;
use super::files;
use super::git::Git;
use super::lock::try_lock;
use super::work::Work;
use super::{WorkspaceError, nested, settle, submodules};
use crate::files::write_whole;

/// More worktrees than this are not looked through.
const MOST: usize = 1_000;

/// A worktree that is held.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) git: Git,
    pub(super) nth: usize,
    folder: PathBuf,
    worker: PathBuf,
    whole: PathBuf,
    _lock: File,
}

impl Slot {
    /// A free worktree, ready for work: the one where this work was left, else the first that can be used.
    pub(super) fn take(branch: &Branch, work: &Work) -> Result<Self, WorkspaceError> {
        let numbers = Self::numbers(branch)?;
        let left = |nth: &usize| left_in(branch, *nth).as_ref() == Some(work);
        for nth in numbers.into_iter().filter(left).chain(0..MOST) {
            let Some(slot) = Self::free(branch, nth)? else {
                continue;
            };
            if slot.open(branch, work)? {
                return Ok(slot);
            }
        }
        Err(WorkspaceError::Taken {
            path: branch.folder(MOST),
        })
    }

    /// Those that were ever used, whether they are there or not.
    pub(super) fn numbers(branch: &Branch) -> Result<Vec<usize>, WorkspaceError> {
        let names = branch.notes()?;
        let numbers = names.iter().filter_map(|name| name.strip_suffix(".lock"));
        let mut numbers: Vec<usize> = numbers.filter_map(|number| number.parse().ok()).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// A worktree, where nobody uses it.
    pub(super) fn free(branch: &Branch, nth: usize) -> Result<Option<Self>, WorkspaceError> {
        let lock = try_lock(&branch.note(&format!("{nth}.lock")))?;
        let folder = branch.folder(nth);
        Ok(lock.map(|lock| Self {
            git: Git::at(&folder),
            nth,
            folder,
            worker: worker_note(branch, nth),
            whole: branch.note(&format!("{nth}.whole")),
            _lock: lock,
        }))
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The work that was begun here and is not merged.
    pub(super) fn worker(&self) -> Option<Work> {
        read_work(&self.worker)
    }

    /// Whether it was made, to its end.
    pub(super) fn is_made(&self) -> bool {
        self.whole.exists() && self.folder.join(".git").exists()
    }

    /// Makes it ready for work: at the branch's tip, or with what the same work, or a person, left here. It is not to be
    /// used where it gives `false`: what is in it can be kept on no branch.
    fn open(&self, branch: &Branch, work: &Work) -> Result<bool, WorkspaceError> {
        let tip = branch.tip()?;
        if !self.is_made() {
            self.make(branch, &tip)?;
        } else if !self.is_cleared(branch, work, &tip)? {
            return Ok(false);
        }
        self.git.run(&["checkout", "--quiet", "--detach"])?;
        if !self.holds_work(branch, &tip)? {
            self.go_to(&tip)?;
        }
        self.refuse_ignored(branch)?;
        self.bring_ignored(branch)?;
        write_whole(&self.worker, work.key().as_bytes())
            .map_err(|error| WorkspaceError::file(&self.worker, error))?;
        Ok(true)
    }

    /// Sets aside what other work left, where that can be done.
    fn is_cleared(&self, branch: &Branch, work: &Work, tip: &str) -> Result<bool, WorkspaceError> {
        self.refuse_other(branch)?;
        self.clear_locks()?;
        let left = self.worker();
        if left.as_ref() == Some(work) {
            return Ok(true);
        }
        if !nested::unkept(branch, self)?.is_empty() {
            return Ok(false);
        }
        let Some(left) = left else {
            return Ok(true);
        };
        self.git.run(&["checkout", "--quiet", "--detach"])?;
        if self.holds_work(branch, tip)? {
            // Git takes not every file, such as one with a name that it refuses.
            if self.set_aside(branch, left.name()).is_err() {
                return Ok(false);
            }
            self.go_to(tip)?;
        }
        Ok(true)
    }

    /// The work that was begun here is merged, or kept elsewhere.
    pub(super) fn done(&self) -> Result<(), WorkspaceError> {
        files::remove(&self.worker)
    }

    pub(super) fn go_to(&self, commit: &str) -> Result<(), WorkspaceError> {
        self.git
            .run(&["checkout", "--quiet", "--detach", commit, "--"])?;
        Ok(())
    }

    pub(super) fn head(&self) -> Result<String, WorkspaceError> {
        self.git.run(&["rev-parse", "--verify", "HEAD"])
    }

    /// Whether something in it is not on the branch.
    pub(super) fn holds_work(&self, branch: &Branch, tip: &str) -> Result<bool, WorkspaceError> {
        Ok(!self.is_clean(branch)? || !self.is_behind(tip)?)
    }

    /// Whether its commits are all on the branch.
    pub(super) fn is_behind(&self, tip: &str) -> Result<bool, WorkspaceError> {
        self.git
            .holds(&["merge-base", "--is-ancestor", "HEAD", tip])
    }

    /// Whether nothing is changed that would be committed.
    pub(super) fn is_clean(&self, branch: &Branch) -> Result<bool, WorkspaceError> {
        let [own, all] = settle::reports(branch, "exclude,");
        let words = [
            "status",
            "--porcelain",
            "--untracked-files=normal",
            "--",
            ".",
            &own,
            &all,
        ];
        Ok(self.git.run(&words)?.is_empty())
    }

    /// Keeps what was left here on a branch of its own.
    pub(super) fn set_aside(&self, branch: &Branch, work: &str) -> Result<(), WorkspaceError> {
        settle::commit(branch, self, &format!("{work}, unfinished"), None)?;
        branch.keep(&self.head()?, work, "-unfinished")?;
        Ok(())
    }

    fn make(&self, branch: &Branch, tip: &str) -> Result<(), WorkspaceError> {
        let path = self.folder.display().to_string();
        if self.folder.join(".git").exists() {
            self.refuse_other(branch)?;
            self.remove(branch)?;
        }
        branch.worktree(&[
            "add", "--quiet", "--force", "--force", "--detach", "--", &path, tip,
        ])?;
        submodules::bring(branch, self)?;
        write_whole(&self.whole, b"").map_err(|error| WorkspaceError::file(&self.whole, error))
    }

    /// Takes it away. Twice forced, since git locks what it is making, and what was begun and not ended holds nothing yet.
    pub(super) fn remove(&self, branch: &Branch) -> Result<(), WorkspaceError> {
        let path = self.folder.display().to_string();
        let words = ["remove", "--force", "--force", "--", &path];
        branch.worktree(&words).map(drop)
    }

    /// It was taken away for good.
    pub(super) fn forget(&self) -> Result<(), WorkspaceError> {
        files::remove(&self.whole)?;
        self.done()
    }

    pub(super) fn refuse_other(&self, branch: &Branch) -> Result<(), WorkspaceError> {
        let ours = branch.git().common_folder()?;
        if self.git.common_folder().is_ok_and(|its| its == ours) {
            Ok(())
        } else {
            Err(WorkspaceError::Taken {
                path: self.folder.clone(),
            })
        }
    }

    /// A git that was killed leaves its locks. Whoever holds this worktree knows that no other git is at work in it.
    pub(super) fn clear_locks(&self) -> Result<(), WorkspaceError> {
        let own = self.git.run(&["rev-parse", "--absolute-git-dir"])?;
        for name in ["index.lock", "HEAD.lock"] {
            files::remove(&Path::new(&own).join(name))?;
        }
        if Path::new(&own).join("MERGE_HEAD").exists() {
            self.git.run(&["merge", "--abort"])?;
        }
        Ok(())
    }

    /// Machines that share a branch see of the protocol's folder what is committed.
    fn refuse_ignored(&self, branch: &Branch) -> Result<(), WorkspaceError> {
        if branch.remote().is_none() || !branch.is_ignored_in(&self.git)? {
            return Ok(());
        }
        Err(WorkspaceError::Ignored {
            folder: branch.protocol_folder.clone(),
        })
    }

    /// A protocol's folder that git ignores is carried from place to place.
    fn bring_ignored(&self, branch: &Branch) -> Result<(), WorkspaceError> {
        if !branch.is_ignored()? {
            return Ok(());
        }
        let here = self.folder.join(&branch.protocol_folder);
        let first = branch.folder(0).join(&branch.protocol_folder);
        if self.nth == 0 && !here.exists() {
            files::copy_tree(&branch.checkout.join(&branch.protocol_folder), &here)
        } else if self.nth == 0 {
            Ok(())
        } else {
            files::copy_tree(&first, &here)
        }
    }
}

/// The work that was begun in a worktree and is not merged.
fn left_in(branch: &Branch, nth: usize) -> Option<Work> {
    read_work(&worker_note(branch, nth))
}

fn worker_note(branch: &Branch, nth: usize) -> PathBuf {
    branch.note(&format!("{nth}.work"))
}

fn read_work(note: &Path) -> Option<Work> {
    fs::read_to_string(note).ok().map(Work::from_key)
}
