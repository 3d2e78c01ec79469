//! Submodules in a worktree: brought there, and watched, since what is changed in one is committed nowhere.
//!
//! Always so: a submodule's commit that only a worktree has never gets onto the protocol's branch.

use std::path::Path;

use super::WorkspaceError;
use super::branch::Branch;
use super::git::Git;
use super::slot::Slot;

/// Checks out the submodules that the user's checkout has, from its own copies: nothing is asked of the network.
pub(super) fn bring(branch: &Branch, slot: &Slot) -> Result<(), WorkspaceError> {
    let words = [
        "config",
        "--file",
        ".gitmodules",
        "-z",
        "--get-regexp",
        r"^submodule\..*\.path$",
    ];
    if !slot.folder().join(".gitmodules").is_file() {
        return Ok(());
    }
    let listed = slot.git.find(&words)?.unwrap_or_default();
    for (key, path) in listed.split('\0').filter_map(|line| line.split_once('\n')) {
        let name = key
            .strip_prefix("submodule.")
            .and_then(|key| key.strip_suffix(".path"));
        let copy = branch.checkout.join(path);
        let (Some(name), true) = (name, copy.join(".git").exists()) else {
            continue;
        };
        let url = format!("submodule.{name}.url={}", copy.display());
        slot.git.run(&[
            "-c",
            "protocol.file.allow=always",
            "-c",
            &url,
            "submodule",
            "--quiet",
            "update",
            "--init",
            "--",
            path,
        ])?;
    }
    Ok(())
}

/// Refuses changes inside of submodules. A submodule may be moved to a commit that the user's checkout has of it.
pub(super) fn refuse_changed(branch: &Branch, slot: &Slot) -> Result<(), WorkspaceError> {
    let paths = changed(branch, slot)?;
    if paths.is_empty() {
        return Ok(());
    }
    Err(WorkspaceError::SubmoduleChanged {
        paths,
        folder: slot.folder().to_owned(),
    })
}

/// The submodules that hold what is committed nowhere else.
pub(super) fn changed(branch: &Branch, slot: &Slot) -> Result<Vec<String>, WorkspaceError> {
    if !slot.folder().join(".gitmodules").is_file() {
        return Ok(Vec::new());
    }
    let words = ["status", "--porcelain=v2", "--ignore-submodules=none", "-z"];
    let listed = slot.git.run(&words)?;
    let mut paths = Vec::new();
    for entry in listed.split('\0') {
        // `1 <XY> S<commit><modified><untracked> <modes and hashes> <path>`
        let fields: Vec<&str> = entry.splitn(9, ' ').collect();
        let ["1", _, state, .., path] = fields[..] else {
            continue;
        };
        let inside = state.contains('M') || state.contains('U');
        let moved = state.starts_with("SC");
        if state.starts_with('S') && (inside || moved && !is_known(branch, slot, path)?) {
            paths.push(path.to_owned());
        }
    }
    Ok(paths)
}

/// Whether the user's checkout of a submodule has the commit that it was moved to.
fn is_known(branch: &Branch, slot: &Slot, path: &str) -> Result<bool, WorkspaceError> {
    let copy = branch.checkout.join(path);
    let at = |folder: &Path| Git::at(folder);
    let Some(commit) = at(&slot.folder().join(path)).commit("HEAD")? else {
        return Ok(false);
    };
    Ok(copy.join(".git").exists() && at(&copy).commit(&commit)?.is_some())
}
