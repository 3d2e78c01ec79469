//! Locks between processes: files beside the repository's own.
//!
//! Always so: a lock ends with the process that holds it; its file stays.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use super::WorkspaceError;

/// Waits for a lock.
pub(super) fn lock(path: &Path) -> Result<File, WorkspaceError> {
    let file = lock_file(path)?;
    file.lock()
        .map_err(|error| WorkspaceError::file(path, error))?;
    Ok(file)
}

/// Locks a file, where nobody else has.
pub(super) fn try_lock(path: &Path) -> Result<Option<File>, WorkspaceError> {
    let file = lock_file(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(WorkspaceError::file(path, error)),
    }
}

fn lock_file(path: &Path) -> Result<File, WorkspaceError> {
    let failed = |error| WorkspaceError::file(path, error);
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).map_err(failed)?;
    let mut options = File::options();
    let options = options.create(true).truncate(false).write(true);
    options.open(path).map_err(failed)
}
