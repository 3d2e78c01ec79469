//! Clones of projects whose folder is not on this machine: one for each project, in the cache of whoever works here.
//!
//! Always so: a clone is whole when it has its name, and one process at a time makes it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::git::Git;
use super::lock::try_lock;
use super::names::folder_name;
use super::origin::Origin;
use super::remote::Remote;
use super::{Address, Options, Place, WorkspaceError};

/// A clone that another process makes is waited for so long: git itself gets less.
const PATIENCE: Duration = Duration::from_mins(15);
/// Between two looks at it.
const PAUSE: Duration = Duration::from_millis(100);

impl Place {
    /// The same with a clone for its folder, where the project's is not on this machine, and the project has a repository.
    ///
    /// # Errors
    /// [`WorkspaceError::NotCloned`], and where another process takes too long for it.
    pub(crate) fn here(
        &self,
        options: &Options,
        say: &dyn Fn(&str),
    ) -> Result<Self, WorkspaceError> {
        let Some((origin, clone)) = self.clone_of(options) else {
            return Ok(self.clone());
        };
        let address = Address::parse(&origin.git_url);
        let made = match address {
            Ok(address) => make(&clone, &address, &self.base_branch, say),
            Err(problem) => Err(Failure::Git(problem.to_owned())),
        };
        match made {
            Ok(()) => Ok(self.in_clone(clone)),
            Err(Failure::Workspace(error)) => Err(error),
            Err(Failure::Git(why)) => Err(WorkspaceError::NotCloned {
                folder: self.folder.clone(),
                clone,
                why,
            }),
        }
    }

    /// The same where the clone is there already; nothing is asked of anyone.
    pub(super) fn if_here(&self, options: &Options) -> Self {
        let clone = self.clone_of(options).map(|(_, clone)| clone);
        match clone.filter(|clone| clone.exists()) {
            Some(clone) => self.in_clone(clone),
            None => self.clone(),
        }
    }

    /// The folder for a clone, where one is needed and may be made.
    fn clone_of(&self, options: &Options) -> Option<(&Origin, PathBuf)> {
        let is_there = self
            .folder
            .as_deref()
            .is_some_and(|folder| !folder.is_absolute() || folder.exists());
        let origin = self.origin.as_ref().filter(|_| !is_there && !options.off)?;
        let name = Address::parse(&origin.git_url).map_or_else(
            |_| "unreadable".to_owned(),
            |address| {
                folder_name(
                    address
                        .shown()
                        .trim_end_matches('/')
                        .trim_end_matches(".git"),
                )
            },
        );
        let clones = options.clones.as_ref()?;
        Some((origin, clones.join(format!("{}-{name}", origin.project_id))))
    }

    fn in_clone(&self, clone: PathBuf) -> Self {
        let protocol_root = self.protocol_folder().display().to_string();
        Self {
            folder: Some(clone),
            protocol_root: Some(protocol_root),
            is_clone: true,
            ..self.clone()
        }
    }
}

/// Why there is no clone.
enum Failure {
    /// What git says, or the address.
    Git(String),
    Workspace(WorkspaceError),
}

impl From<WorkspaceError> for Failure {
    fn from(error: WorkspaceError) -> Self {
        match error {
            WorkspaceError::Remote { .. } | WorkspaceError::NoBase { .. } => {
                Self::Git(error.to_string())
            }
            WorkspaceError::File { .. } => Self::Git(format!(
                "{error}; name a folder that can be written in MILLWRIGHT_CACHE"
            )),
            error => Self::Workspace(error),
        }
    }
}

fn make(clone: &Path, address: &Address, base: &str, say: &dyn Fn(&str)) -> Result<(), Failure> {
    if clone.join(".git").exists() {
        return Ok(());
    }
    let _lock = lock(clone, say)?;
    if clone.join(".git").exists() {
        return Ok(());
    }
    let from = address.shown();
    say(&format!(
        "millwright: clones {from} into {}",
        clone.display()
    ));
    let draft = clone.with_extension("partial");
    let failed = |error| WorkspaceError::file(&draft, error);
    // What is there was left by a process that is gone: it held the lock.
    if draft.exists() {
        fs::remove_dir_all(&draft).map_err(failed)?;
    }
    fs::create_dir(&draft).map_err(failed)?;
    let filled = fill(&draft, address, base);
    let moved = filled.and_then(|()| Ok(fs::rename(&draft, clone).map_err(failed)?));
    moved.inspect_err(|_| {
        // On a full disk half a clone is in the way of others.
        let _ = fs::remove_dir_all(&draft);
    })
}

/// A clone has no files beside git's own, and no branch but those that steps make.
fn fill(draft: &Path, address: &Address, base: &str) -> Result<(), Failure> {
    let git = Git::at(draft);
    git.run(&["init", "--quiet", "."])?;
    git.run(&["remote", "add", "--", "origin", address.shown()])?;
    let remote = Remote::new(git.clone(), address.clone(), "", base);
    let base = remote.bring_base(&remote.look()?)?;
    git.run(&["update-ref", "--no-deref", "HEAD", &base])?;
    Ok(())
}

fn lock(clone: &Path, say: &dyn Fn(&str)) -> Result<File, WorkspaceError> {
    let path = clone.with_extension("lock");
    let begun = Instant::now();
    let mut is_said = false;
    loop {
        if let Some(lock) = try_lock(&path)? {
            return Ok(lock);
        }
        if begun.elapsed() > PATIENCE {
            return Err(WorkspaceError::CloneTaken {
                clone: clone.to_owned(),
                lock: path,
            });
        }
        if !is_said {
            let clone = clone.display();
            say(&format!(
                "millwright: another job is just making the clone {clone}: waits for it"
            ));
            is_said = true;
        }
        sleep(PAUSE);
    }
}
