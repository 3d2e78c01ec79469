//! Files that git does not carry from worktree to worktree: what it ignores, and submodules.
//!
//! Always so: no symbolic link is followed.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::WorkspaceError;
use super::branch::Branch;
use super::slot::Slot;

/// Removes a file, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), WorkspaceError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(WorkspaceError::file(path, error)),
        _ => Ok(()),
    }
}

/// Copies the files of a folder that is there over those of another; what only the other has stays.
pub(super) fn copy_tree(from: &Path, to: &Path) -> Result<(), WorkspaceError> {
    if !from.is_dir() {
        return Ok(());
    }
    copy_all(from, to).map_err(|error| WorkspaceError::file(from, error))
}

fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy_all(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Checks out the submodules that the user's checkout has, from its own copies: nothing is asked of the network.
pub(super) fn bring_submodules(branch: &Branch, slot: &Slot) -> Result<(), WorkspaceError> {
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
