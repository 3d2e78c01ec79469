//! What a protocol's work will find: the files of its branch, or of the branch that it begins from.
//!
//! Always so: nothing is changed by looking, and what is not on this machine is not guessed.

mod ground;

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use millwright_core::protocol::{Files, Project, ProtocolRun};

use super::branch::Branch;
use super::git::Git;
use super::{Options, Place, WorkspaceError};

/// The files of a protocol's workspace, before it has one.
#[derive(Debug)]
pub struct Contents {
    /// The project's folder, which absolute names may begin with.
    workspace: PathBuf,
    /// The protocol's folder, below it.
    protocol_folder: PathBuf,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// The folder itself.
    Folder,
    /// A commit, and the folders that are looked into besides.
    Commit {
        git: Git,
        commit: String,
        names: HashSet<String>,
        /// The protocol's first worktree, where it has one.
        worktree: Option<PathBuf>,
        /// Where the commit comes from, in words.
        origin: String,
    },
}

impl Contents {
    /// What a folder holds.
    pub fn of_folder(workspace: PathBuf, protocol_folder: PathBuf) -> Self {
        Self {
            workspace,
            protocol_folder,
            source: Source::Folder,
        }
    }

    /// The project's folder.
    pub fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// What the work of a protocol will find. Nothing is known where the project's folder, or the branch that someone chose, is
    /// not on this machine.
    ///
    /// # Errors
    /// [`WorkspaceError`] where git does not answer.
    pub fn of_protocol(
        run: &ProtocolRun,
        project: &Project,
        options: &Options,
    ) -> Result<Option<Self>, WorkspaceError> {
        let place = Place::of_run(run, project);
        let Some(folder) = place.folder.clone().filter(|folder| folder.is_dir()) else {
            return Ok(None);
        };
        let protocol_folder = place.protocol_folder();
        let Some(branch) = Branch::find(&place, options)? else {
            return Ok(Some(Self::of_folder(folder, protocol_folder)));
        };
        let source = of_branch(&branch, &place)?;
        Ok(source.map(|source| Self {
            workspace: folder,
            protocol_folder,
            source,
        }))
    }
}

fn of_branch(branch: &Branch, place: &Place) -> Result<Option<Source>, WorkspaceError> {
    let git = branch.git();
    if let Some(tip) = git.commit(&branch.reference())? {
        let worktree = Some(branch.folder(0)).filter(|folder| folder.is_dir());
        return Ok(Some(Source::Commit {
            git: git.clone(),
            names: names(branch, &tip)?,
            commit: tip,
            worktree,
            origin: format!("on its branch {}", branch.name()),
        }));
    }
    if place.branch.is_some() {
        return Ok(None);
    }
    let base = branch.base(&place.base_branch)?;
    let mut names = names(branch, &base)?;
    if !branch.is_ignored()? {
        names.extend(uncommitted(branch)?);
    }
    Ok(Some(Source::Commit {
        git: git.clone(),
        commit: base,
        names,
        worktree: None,
        origin: format!("on {}, where its branch will begin", place.base_branch),
    }))
}

fn names(branch: &Branch, commit: &str) -> Result<HashSet<String>, WorkspaceError> {
    let listed =
        branch
            .git()
            .run(&["ls-tree", "-r", "-z", "--name-only", "--full-tree", commit])?;
    Ok(split(&listed))
}

/// The files of the protocol's folder in the checkout: its branch will begin with them.
fn uncommitted(branch: &Branch) -> Result<HashSet<String>, WorkspaceError> {
    if !branch.checkout.join(&branch.protocol_folder).is_dir() {
        return Ok(HashSet::new());
    }
    let folder = branch.protocol_folder.display().to_string();
    let listed = branch.git().run(&[
        "--literal-pathspecs",
        "ls-files",
        "-z",
        "--others",
        "--cached",
        "--exclude-standard",
        "--",
        &folder,
    ])?;
    Ok(split(&listed))
}

fn split(listed: &str) -> HashSet<String> {
    let names = listed.split('\0').filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

impl Files for Contents {
    fn holds(&self, name: &str) -> bool {
        let name = Path::new(name);
        if name.is_absolute() {
            let below = name.strip_prefix(&self.workspace);
            return below.map_or_else(|_| name.is_file(), |below| self.is_there(below));
        }
        self.is_there(&self.protocol_folder.join(name)) || self.is_there(name)
    }

    fn searched(&self) -> String {
        let (root, workspace) = (self.protocol_folder.display(), self.workspace.display());
        match &self.source {
            Source::Folder => format!("in {root} or elsewhere in {workspace}"),
            Source::Commit { origin, .. } => {
                format!("in {root} or elsewhere {origin} (in git, work finds what is committed)")
            }
        }
    }
}

impl Contents {
    /// Whether a file is there, by its path below the workspace.
    fn is_there(&self, path: &Path) -> bool {
        match &self.source {
            Source::Folder => self.workspace.join(path).is_file(),
            Source::Commit {
                names, worktree, ..
            } => {
                plain(path).is_some_and(|path| names.contains(&path))
                    || worktree.as_ref().is_some_and(|at| at.join(path).is_file())
            }
        }
    }
}

/// A path without `.` and `..`, as git names it.
fn plain(path: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            Component::ParentDir => {
                parts.pop()?;
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}
