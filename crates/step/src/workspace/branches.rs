//! The branches of a checkout, as people see them from outside: listed, and removed.
//!
//! Always so: a branch is removed as it was found, at that commit and checked out nowhere, while nobody else works on it.

use std::path::Path;

use super::WorkspaceError;
use super::branch::{LOCK, notes_of};
use super::git::Git;
use super::lock::lock;
use super::names::check_branch;

/// A branch of a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalBranch {
    /// Its name.
    pub name: String,
    /// The commit that it is at.
    pub commit: String,
    /// Whether a worktree has it checked out.
    pub is_checked_out: bool,
}

/// The commit that a branch of the checkout in a folder is at; none where either is not there.
///
/// # Errors
/// When git cannot be run.
pub fn tip_of_branch(folder: &Path, name: &str) -> Result<Option<String>, WorkspaceError> {
    if !folder.join(".git").exists() {
        return Ok(None);
    }
    Git::at(folder).commit(&format!("refs/heads/{name}"))
}

/// The branches of the checkout in a folder, by name.
///
/// # Errors
/// [`WorkspaceError`], as where the folder is no checkout.
pub fn local_branches(folder: &Path) -> Result<Vec<LocalBranch>, WorkspaceError> {
    let format = "--format=%(objectname) %(refname:strip=2)%09%(worktreepath)";
    let listed = Git::at(folder).run(&["for-each-ref", "--sort=refname", format, "refs/heads"])?;
    let branch = |line: &str| {
        let (commit, rest) = line.split_once(' ')?;
        let (name, worktree) = rest.split_once('\t')?;
        Some(LocalBranch {
            name: name.to_owned(),
            commit: commit.to_owned(),
            is_checked_out: !worktree.is_empty(),
        })
    };
    Ok(listed.lines().filter_map(branch).collect())
}

/// Removes a branch as it was found, merged or not.
///
/// # Errors
/// [`WorkspaceError`], as where it has moved since, or was checked out; the branch is then as it was.
pub fn delete_branch(folder: &Path, found: &LocalBranch) -> Result<(), WorkspaceError> {
    let name = &found.name;
    refuse_odd_branch(name).map_err(|problem| WorkspaceError::BadBranch {
        name: name.clone(),
        problem,
    })?;
    let git = Git::at(folder);
    let _lock = lock(&notes_of(&git, name)?.join(LOCK))?;
    if !local_branches(folder)?.contains(found) {
        return Err(WorkspaceError::BranchMoved(name.clone()));
    }
    let reference = format!("refs/heads/{name}");
    git.run(&["update-ref", "-d", &reference, &found.commit])?;
    // What git has noted of it goes too, where there is something.
    let section = format!("branch.{name}");
    git.find(&["config", "--local", "--remove-section", &section])?;
    Ok(())
}

/// Refuses a name that git could take for anything but a branch's.
///
/// # Errors
/// What is wrong with it.
pub fn refuse_odd_branch(name: &str) -> Result<(), &'static str> {
    check_branch(name)
}
