//! The branches of a checkout, as people see them from outside: listed, and removed.
//!
//! Always so: git itself refuses to remove a branch that is checked out anywhere.

use std::path::Path;

use super::WorkspaceError;
use super::git::Git;
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

/// Removes a branch, merged or not.
///
/// # Errors
/// [`WorkspaceError`]; the branch is then as it was.
pub fn delete_branch(folder: &Path, name: &str) -> Result<(), WorkspaceError> {
    refuse_odd_branch(name).map_err(|problem| WorkspaceError::BadBranch {
        name: name.to_owned(),
        problem,
    })?;
    let words = ["branch", "--delete", "--force", "--quiet", "--", name];
    Git::at(folder).run(&words).map(drop)
}

/// Refuses a name that git could take for anything but a branch's.
///
/// # Errors
/// What is wrong with it.
pub fn refuse_odd_branch(name: &str) -> Result<(), &'static str> {
    check_branch(name)
}
