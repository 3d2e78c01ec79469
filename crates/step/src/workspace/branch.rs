//! A protocol's branch.
//!
//! Always so: only whoever holds the branch's lock moves it, and nobody has it checked out but its first worktree.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::files;
use super::git::Git;
use super::lock::lock;
use super::names::{check_branch, folder_name, slug};
use super::remote::Remote;
use super::{Address, Options, Place, WorkspaceError};

/// The file whose lock is the branch's.
pub(super) const LOCK: &str = "branch.lock";

/// A branch, in a repository whose checkout is the user's.
#[derive(Debug)]
pub(super) struct Branch {
    /// The user's checkout; only read.
    pub(super) checkout: PathBuf,
    /// The protocol's folder, below a worktree.
    pub(super) protocol_folder: PathBuf,
    git: Git,
    name: String,
    worktrees: PathBuf,
    notes: PathBuf,
    remote: Option<Remote>,
}

impl Branch {
    /// The branch of a protocol; none where the project's folder is not the root of a git checkout with commits.
    pub(super) fn find(place: &Place, options: &Options) -> Result<Option<Self>, WorkspaceError> {
        let folder = place
            .folder
            .as_deref()
            .filter(|folder| folder.join(".git").exists());
        let Some(folder) = folder.filter(|_| !options.off) else {
            return Ok(None);
        };
        let checkout =
            fs::canonicalize(folder).map_err(|error| WorkspaceError::file(folder, error))?;
        let git = Git::at(&checkout);
        if git.commit("HEAD")?.is_none() && git.commit(&place.base_branch)?.is_none() {
            return Ok(None);
        }
        let chosen = place.branch.as_deref();
        let name = name(place.protocol_run_id, &place.protocol_name, chosen, options);
        check_branch(&name).map_err(|problem| WorkspaceError::BadBranch {
            name: name.clone(),
            problem,
        })?;
        let notes = notes_of(&git, &name)?;
        Ok(Some(Self {
            worktrees: worktrees(&checkout, options)?,
            remote: remote(place, options, &git, &name, &notes),
            notes,
            protocol_folder: place.protocol_folder(),
            checkout,
            git,
            name,
        }))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The repository through which it is shared with other machines, where it is.
    pub(super) fn remote(&self) -> Option<&Remote> {
        self.remote.as_ref()
    }

    pub(super) fn git(&self) -> &Git {
        &self.git
    }

    /// The folder of a worktree; the first is where people look.
    pub(super) fn folder(&self, nth: usize) -> PathBuf {
        let name = folder_name(&self.name);
        self.worktrees.join(if nth == 0 {
            name
        } else {
            format!("{name}.{nth}")
        })
    }

    /// A file of our own, in the repository's administration.
    pub(super) fn note(&self, name: &str) -> PathBuf {
        self.notes.join(name)
    }

    /// The names of those files.
    pub(super) fn notes(&self) -> Result<Vec<String>, WorkspaceError> {
        if !self.notes.exists() {
            return Ok(Vec::new());
        }
        let failed = |error| WorkspaceError::file(&self.notes, error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.notes).map_err(failed)? {
            names.extend(entry.map_err(failed)?.file_name().into_string());
        }
        Ok(names)
    }

    /// Where the branch stands.
    pub(super) fn tip(&self) -> Result<String, WorkspaceError> {
        self.git.run(&["rev-parse", "--verify", &self.reference()])
    }

    pub(super) fn reference(&self) -> String {
        format!("refs/heads/{}", self.name)
    }

    /// Keeps everyone else from moving the branch, for as long as what it gives lives.
    pub(super) fn lock(&self) -> Result<File, WorkspaceError> {
        lock(&self.note(LOCK))
    }

    /// Runs `git worktree`, alone: git fails where it meets a worktree of the repository that is only half made.
    pub(super) fn worktree(&self, words: &[&str]) -> Result<String, WorkspaceError> {
        let _lock = lock(&self.notes.with_file_name("worktrees.lock"))?;
        self.git.run(&[&["worktree"], words].concat())
    }

    /// Makes the folder of its worktrees, and the branch where it is missing: the base, and the protocol's folder as the user's checkout has it.
    pub(super) fn make(&mut self, place: &Place) -> Result<(), WorkspaceError> {
        let failed = |error| WorkspaceError::file(&self.worktrees, error);
        fs::create_dir_all(&self.worktrees).map_err(failed)?;
        self.worktrees = fs::canonicalize(&self.worktrees).map_err(failed)?;
        let _lock = self.lock()?;
        self.refuse_use_elsewhere()?;
        if let Some(remote) = &self.remote {
            return self.meet(remote, place);
        }
        if self.git.commit(&self.reference())?.is_some() {
            return Ok(());
        }
        let base = self.base(&place.base_branch)?;
        let commit = self.with_protocol_folder(&base, &place.protocol_name)?;
        self.git
            .run(&["update-ref", &self.reference(), &commit, ""])?;
        Ok(())
    }

    /// The base branch here, else at the origin, else what the checkout is on.
    pub(super) fn base(&self, base: &str) -> Result<String, WorkspaceError> {
        let names = [
            format!("refs/heads/{base}"),
            format!("refs/remotes/origin/{base}"),
            "HEAD".to_owned(),
        ];
        for name in &names {
            if let Some(commit) = self.git.commit(name)? {
                return Ok(commit);
            }
        }
        self.git.run(&["rev-parse", "--verify", "HEAD"])
    }

    /// A commit with the protocol's folder added to the base, made beside the checkout and its index.
    pub(super) fn with_protocol_folder(
        &self,
        base: &str,
        name: &str,
    ) -> Result<String, WorkspaceError> {
        let there = self.checkout.join(&self.protocol_folder).is_dir();
        if !there || self.is_ignored()? {
            return Ok(base.to_owned());
        }
        let index = self.note("new.index");
        let git = self.git.with_index(&index);
        git.run(&["read-tree", base])?;
        let folder = self.protocol_folder.display().to_string();
        git.run(&["--literal-pathspecs", "add", "--all", "--", &folder])?;
        let tree = git.run(&["write-tree"])?;
        files::remove(&index)?;
        if tree == self.git.run(&["rev-parse", &format!("{base}^{{tree}}")])? {
            return Ok(base.to_owned());
        }
        let message = format!("Plan of {name}");
        let author = self.git.author()?;
        let mut words: Vec<&str> = author.iter().map(String::as_str).collect();
        words.extend(["commit-tree", "-p", base, "-m", &message, &tree]);
        self.git.run(&words)
    }

    /// Whether the project keeps protocols out of git.
    pub(super) fn is_ignored(&self) -> Result<bool, WorkspaceError> {
        self.is_ignored_in(&self.git)
    }

    /// The same, as a worktree says.
    pub(super) fn is_ignored_in(&self, git: &Git) -> Result<bool, WorkspaceError> {
        let inside = self.protocol_folder.join("plan.md").display().to_string();
        git.holds(&["check-ignore", "--quiet", "--", &inside])
    }

    fn refuse_use_elsewhere(&self) -> Result<(), WorkspaceError> {
        let listed = self.worktree(&["list", "--porcelain", "-z"])?;
        let mut path = "";
        for line in listed.split('\0') {
            if let Some(worktree) = line.strip_prefix("worktree ") {
                path = worktree;
            }
            let used = line.strip_prefix("branch ") == Some(self.reference().as_str());
            if used && Path::new(path) != self.folder(0) {
                return Err(WorkspaceError::BranchInUse {
                    branch: self.name.clone(),
                    path: path.into(),
                });
            }
        }
        Ok(())
    }

    /// Keeps a commit on a branch of its own, and gives that branch's name.
    pub(super) fn keep(
        &self,
        commit: &str,
        work: &str,
        why: &str,
    ) -> Result<String, WorkspaceError> {
        let stem = format!("{}--{}{why}", self.name, slug(work));
        for nth in 1.. {
            let name = if nth == 1 {
                stem.clone()
            } else {
                format!("{stem}-{nth}")
            };
            let reference = format!("refs/heads/{name}");
            match self.git.commit(&reference)? {
                Some(other) if other != commit => {}
                Some(_) => return Ok(name),
                None => {
                    self.git.run(&["update-ref", &reference, commit, ""])?;
                    return Ok(name);
                }
            }
        }
        unreachable!("numbers do not end")
    }
}

/// The folder of our own files for a branch, in the repository's administration.
pub(super) fn notes_of(git: &Git, name: &str) -> Result<PathBuf, WorkspaceError> {
    let all = git.common_folder()?.join("millwright");
    Ok(all.join(folder_name(name)))
}

/// The project's repository, where the branch is shared through it: from a clone always, from the project's own folder where someone
/// says so, or where it was shared before.
fn remote(place: &Place, options: &Options, git: &Git, name: &str, notes: &Path) -> Option<Remote> {
    let origin = place.origin.as_ref()?;
    let is_shared =
        place.is_clone || options.shares || origin.is_shared || notes.join("shared").exists();
    let address = Address::parse(&origin.git_url).ok().filter(|_| is_shared)?;
    Some(Remote::new(git.clone(), address, name, &place.base_branch))
}

/// The name of a protocol's branch, where `chosen` is one that someone chose for it.
pub(super) fn name(id: i64, protocol: &str, chosen: Option<&str>, options: &Options) -> String {
    let own = || format!("millwright/{id}-{}", slug(protocol));
    let shared = options.shared_branch.as_deref();
    shared.or(chosen).map_or_else(own, str::to_owned)
}

fn worktrees(checkout: &Path, options: &Options) -> Result<PathBuf, WorkspaceError> {
    let name = checkout.file_name().unwrap_or_default().to_string_lossy();
    let folder = match &options.folder {
        Some(folder) => {
            let unique = folder_name(&checkout.display().to_string());
            folder.join(unique)
        }
        None => checkout.with_file_name(format!("{name}.worktrees")),
    };
    match fs::canonicalize(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            std::path::absolute(&folder).map_err(|error| WorkspaceError::file(&folder, error))
        }
        found => found.map_err(|error| WorkspaceError::file(&folder, error)),
    }
}
