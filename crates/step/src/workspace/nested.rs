//! Repositories inside of a worktree: submodules, and those that someone made there. A commit of the worktree holds only the
//! name of theirs.
//!
//! Always so: a commit that only a worktree has never gets onto the protocol's branch as a name alone.

use std::fs;
use std::path::Path;

use super::WorkspaceError;
use super::branch::Branch;
use super::git::Git;
use super::slot::Slot;

/// Refuses repositories that hold what is nowhere else.
pub(super) fn refuse_unkept(branch: &Branch, slot: &Slot) -> Result<(), WorkspaceError> {
    let paths = unkept(branch, slot)?;
    if paths.is_empty() {
        return Ok(());
    }
    Err(WorkspaceError::SubmoduleChanged {
        paths,
        folder: slot.folder().to_owned(),
        checkout: branch.checkout.clone(),
    })
}

/// The folders of repositories that hold what the user's checkout has not.
pub(super) fn unkept(branch: &Branch, slot: &Slot) -> Result<Vec<String>, WorkspaceError> {
    let mut paths = links(&slot.git)?;
    paths.extend(made(&slot.git)?);
    paths.sort();
    let mut unkept = Vec::new();
    for path in paths {
        if !is_kept(branch, &slot.folder().join(&path), &path)? {
            unkept.push(path);
        }
    }
    Ok(unkept)
}

/// The folders that git knows as repositories of their own.
fn links(git: &Git) -> Result<Vec<String>, WorkspaceError> {
    let listed = git.run(&["ls-files", "--stage", "-z"])?;
    let entries = listed.split('\0').filter_map(|line| line.split_once('\t'));
    let links = entries.filter(|(entry, _)| entry.starts_with("160000 "));
    let mut paths: Vec<String> = links.map(|(_, path)| path.to_owned()).collect();
    // A conflict lists one several times.
    paths.dedup();
    Ok(paths)
}

/// The repositories that git would add: of all that is new it lists files alone, but for these.
fn made(git: &Git) -> Result<Vec<String>, WorkspaceError> {
    let listed = git.run(&["ls-files", "--others", "--exclude-standard", "-z"])?;
    let folders = listed.split('\0').filter_map(|path| path.strip_suffix('/'));
    Ok(folders.map(str::to_owned).collect())
}

/// Whether all that a repository holds is committed, and in the user's checkout too.
fn is_kept(branch: &Branch, folder: &Path, path: &str) -> Result<bool, WorkspaceError> {
    if !folder.join(".git").exists() {
        // Git looks at no file there.
        let mut entries = fs::read_dir(folder).into_iter().flatten();
        return Ok(entries.next().is_none());
    }
    let git = Git::at(folder);
    let status = git.find(&["status", "--porcelain", "--ignore-submodules=none"])?;
    if status.is_none_or(|status| !status.is_empty()) {
        return Ok(false);
    }
    let Some(mut commits) = git.commit("HEAD")?.map(|head| vec![head]) else {
        return Ok(false);
    };
    let words = ["for-each-ref", "--format=%(objectname)"];
    let own = git.run(&[&words[..], &["refs/heads", "refs/stash"]].concat())?;
    commits.extend(own.lines().map(str::to_owned));
    for commit in commits {
        if !is_known(branch, path, &commit)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a repository in the user's checkout has a commit: that of the same folder, else another, as after a move.
fn is_known(branch: &Branch, path: &str, commit: &str) -> Result<bool, WorkspaceError> {
    let mut copies = vec![path.to_owned()];
    copies.extend(links(branch.git())?);
    for copy in copies {
        let copy = branch.checkout.join(copy);
        if copy.join(".git").exists() && Git::at(&copy).commit(commit)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
