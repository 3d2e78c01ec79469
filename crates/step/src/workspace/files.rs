//! Files that git does not carry from worktree to worktree, since it ignores them.
//!
//! Always so: no symbolic link is followed.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::WorkspaceError;

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
