//! Work in git: a protocol has a branch and worktrees of its own, and a step's changes become a commit.
//!
//! Always so: the user's own checkout is only read. What a step made is merged into the protocol's branch, or stays on a
//! branch of its own: nothing is lost, and nothing is overwritten.

mod address;
mod branch;
mod branches;
mod changes;
mod clones;
mod contents;
mod error;
mod files;
mod git;
mod lock;
mod names;
mod nested;
mod options;
mod origin;
mod place;
mod publish;
mod remote;
mod reserve;
mod retire;
mod settle;
mod share;
mod slot;
mod snapshot;
mod submodules;
#[cfg(test)]
mod tests;
mod work;

use std::path::{Path, PathBuf};
use std::{fs, io};

use millwright_core::protocol::{Begun, Outputs, Project, ProtocolRun};

pub(crate) use address::Address;
pub use branches::{LocalBranch, delete_branch, local_branches, refuse_odd_branch, tip_of_branch};
pub(crate) use changes::Changes;
pub use contents::Contents;
pub use error::WorkspaceError;
pub(crate) use git::{REDIRECTING, committer, environment};
pub(crate) use names::check_branch;
pub use options::Options;
pub use origin::Origin;
pub(crate) use place::Place;
pub(crate) use publish::{Publication, publication};
pub(crate) use reserve::Reserved;

use crate::engine::LineSink;
use crate::files::write_whole;
use branch::Branch;
use slot::Slot;
use snapshot::Snapshot;
use work::Work;

/// The folder that work is done in, for as long as it is held.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Where the work is done; the project's own folder where that is no git repository.
    folder: Option<PathBuf>,
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    branch: Branch,
    slot: Slot,
    work: Work,
}

/// Finds a folder for a step's work or check, and points the assignment to it.
///
/// # Errors
/// [`WorkspaceError`]; nothing of the user's was changed.
pub(crate) fn prepare(
    begun: &Begun,
    options: &Options,
    log: &dyn LineSink,
) -> Result<(Begun, Workspace), WorkspaceError> {
    let mut begun = begun.clone();
    let place = Place::of(&begun.assignment).here(options, &|text| log.line(text))?;
    let workspace = open(&place, &begun.assignment.step_name, options)?;
    if let (Some(held), Some(folder)) = (&workspace.held, workspace.folder.as_deref()) {
        log.line(&format!(
            "millwright: works in {}, for the branch {}",
            folder.display(),
            held.branch.name()
        ));
        place::point_to(&mut begun.assignment, folder);
    }
    Ok((begun, workspace))
}

/// Finds a folder for work that has a name, such as a step's: a worktree of the protocol's branch that nobody uses.
///
/// # Errors
/// [`WorkspaceError`]; nothing of the user's was changed.
pub(crate) fn open(
    place: &Place,
    work: &str,
    options: &Options,
) -> Result<Workspace, WorkspaceError> {
    let place = &place.here(options, &|_| ())?;
    refuse_missing(place)?;
    let Some(mut branch) = Branch::find(place, options)? else {
        return Ok(Workspace {
            folder: place.folder.clone(),
            held: None,
        });
    };
    branch.make(place)?;
    let work = Work::of(place, work);
    let slot = Slot::take(&branch, &work)?;
    Ok(Workspace {
        folder: Some(slot.folder().to_owned()),
        held: Some(Held { branch, slot, work }),
    })
}

fn refuse_missing(place: &Place) -> Result<(), WorkspaceError> {
    let folder = place.folder.as_ref().filter(|folder| folder.is_absolute());
    match folder.map(|folder| (folder, folder.try_exists())) {
        Some((folder, Ok(false))) => Err(WorkspaceError::Missing {
            folder: folder.clone(),
        }),
        _ => Ok(()),
    }
}

/// Removes the worktrees of a protocol run that has ended, but for the first where something was merged. What was left
/// unmerged in them is kept on branches, and a worktree that holds more stays.
///
/// # Errors
/// [`WorkspaceError`]; what was not removed is as it was.
pub fn retire(
    run: &ProtocolRun,
    project: &Project,
    options: &Options,
) -> Result<(), WorkspaceError> {
    if run.status.is_terminal() {
        retire::retire(&Place::of_run(run, project), options)
    } else {
        Ok(())
    }
}

/// The name of the branch that a protocol run's steps commit to, whether it is there or not; `chosen` is the one that someone
/// chose for it.
pub fn branch_of(id: i64, protocol_name: &str, chosen: Option<&str>, options: &Options) -> String {
    branch::name(id, protocol_name, chosen, options)
}

/// Changes files of a protocol beside its steps' work, in a folder that is then told, and commits them under a name.
///
/// # Errors
/// [`WorkspaceError`]; what was changed then stays in a worktree, and is kept on a branch when that is next used.
pub fn amend<T>(
    run: &ProtocolRun,
    project: &Project,
    options: &Options,
    work: &str,
    change: impl FnOnce(&Path) -> io::Result<T>,
) -> Result<T, WorkspaceError> {
    let workspace = open(&Place::of_run(run, project), work, options)?;
    let folder = workspace.folder().unwrap_or(Path::new(""));
    let changed = change(folder).map_err(|error| WorkspaceError::file(folder, error))?;
    workspace.settle(work)?;
    Ok(changed)
}

/// A branch that is there already.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    /// Whether a protocol's work has been done on it, or is to be by the environment's word.
    pub(crate) is_ours: bool,
    /// Whether the file is on it.
    pub(crate) holds: bool,
    /// Whether a plan was begun on it for which no protocol was made.
    pub(crate) is_unnamed: bool,
}

/// Looks for a place's branch, and for a file on it; without git for the file alone.
///
/// # Errors
/// [`WorkspaceError`].
pub(crate) fn look(
    place: &Place,
    options: &Options,
    file: &Path,
) -> Result<Option<Found>, WorkspaceError> {
    let Some(branch) = Branch::find(place, options)? else {
        let there = place
            .folder
            .as_deref()
            .is_some_and(|folder| folder.join(file).exists());
        return Ok(there.then_some(Found {
            is_ours: true,
            holds: true,
            is_unnamed: false,
        }));
    };
    branch.caught_up()?;
    let reference = branch.reference();
    if branch.git().commit(&reference)?.is_none() {
        return Ok(None);
    }
    let file = format!("{reference}:{}", file.display());
    let found = branch.git().find(&[
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        &file,
    ])?;
    Ok(Some(Found {
        is_ours: options.shared_branch.is_some() || branch.note("branch.lock").exists(),
        holds: found.is_some(),
        is_unnamed: reserve::is_unnamed(&branch),
    }))
}

impl Workspace {
    /// The branch that the work is for.
    pub(crate) fn branch(&self) -> Option<&str> {
        self.held.as_ref().map(|held| held.branch.name())
    }

    /// Whether it is shared with other machines through the project's repository.
    pub(crate) fn is_shared(&self) -> bool {
        let remote = self.held.as_ref().and_then(|held| held.branch.remote());
        remote.is_some()
    }

    /// Where a file is found once the work is merged: in the protocol's first worktree.
    pub(crate) fn published_path(&self, path: &Path) -> PathBuf {
        let Some(held) = &self.held else {
            return path.to_owned();
        };
        match path.strip_prefix(held.slot.folder()) {
            Ok(rest) => held.branch.folder(0).join(rest),
            Err(_) => path.to_owned(),
        }
    }

    /// Where the work is done.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The protocol's first worktree, where people look.
    pub(crate) fn worktree(&self) -> Option<PathBuf> {
        self.held.as_ref().map(|held| held.branch.folder(0))
    }

    /// Commits what was done, with a message, and merges it into the protocol's branch. Without git there is nothing to do.
    ///
    /// # Errors
    /// [`WorkspaceError::Conflict`] where another step has changed the same; what was done is then kept on a branch.
    pub(crate) fn settle(&self, message: &str) -> Result<(), WorkspaceError> {
        match &self.held {
            Some(held) => settle::settle(&held.branch, &held.slot, &held.work, message),
            None => Ok(()),
        }
    }

    /// Does what is only to look, such as a gate, and undoes what it changed all the same, but for files that git ignores.
    /// Without git nothing is undone.
    ///
    /// # Errors
    /// [`WorkspaceError`] where git cannot tell what is there, or cannot bring it back.
    pub(crate) fn unchanged<T>(&self, look: impl FnOnce() -> T) -> Result<T, WorkspaceError> {
        let Some(held) = &self.held else {
            return Ok(look());
        };
        let before = Snapshot::of(&held.slot, &held.branch)?;
        let seen = look();
        before.restore()?;
        Ok(seen)
    }

    /// What the work has changed until now, in all of its runs. Without git there is nothing on record.
    pub(crate) fn changes(&self) -> Changes {
        match &self.held {
            Some(held) => Changes::of(&held.branch, held.work.key()),
            None => Changes::default(),
        }
    }

    /// Brings a file of a check to where the protocol's reports are, in the first worktree, and gives its path there.
    ///
    /// # Errors
    /// What the system says; the file is then where it was.
    pub(crate) fn publish(&self, file: &Path) -> io::Result<PathBuf> {
        let Some(held) = self.held.as_ref().filter(|held| held.slot.nth != 0) else {
            return Ok(file.to_owned());
        };
        let first = held.branch.folder(0);
        let below = file.strip_prefix(held.slot.folder());
        let (Ok(below), true) = (below, first.join(".git").exists()) else {
            return Ok(file.to_owned());
        };
        let target = first.join(below);
        write_whole(&target, &fs::read(file)?)?;
        fs::remove_file(file)?;
        Ok(target)
    }

    /// The outputs where they are found once the work is merged: in the protocol's first worktree.
    pub(crate) fn published(&self, outputs: Outputs) -> Outputs {
        let moved = |path: String| self.published_path(Path::new(&path)).display().to_string();
        Outputs {
            protocol: outputs.protocol.map(moved),
            aux: outputs
                .aux
                .into_iter()
                .map(|(key, path)| (key, moved(path)))
                .collect(),
        }
    }
}
