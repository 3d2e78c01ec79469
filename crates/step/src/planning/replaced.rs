//! A plan that another one takes the place of.
//!
//! Always so: nothing of it is lost: its files are moved into a folder of their own, `replaced-1` and so on.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::PlanningError;
use crate::files::read_file;
use crate::workspace::WorkspaceError;

/// What a plan has beside the files of its steps.
const BESIDE: [&str; 3] = ["plan.md", "context.md", "log.md"];
/// So much of an earlier plan is told to the engine.
const LONGEST: usize = 64 * 1024;

/// Puts a plan's files away, where there are files of steps.
pub(super) fn put_away(root: &Path, steps: Vec<String>) -> Result<(), PlanningError> {
    if steps.is_empty() {
        return Ok(());
    }
    let failed = |path: &Path, error| WorkspaceError::file(path, error);
    let folder = new_folder(root).map_err(|error| failed(root, error))?;
    let beside = BESIDE.iter().map(|name| (*name).to_owned());
    for name in steps.into_iter().chain(beside) {
        let path = root.join(&name);
        if path.symlink_metadata().is_ok() {
            fs::rename(&path, folder.join(&name)).map_err(|error| failed(&path, error))?;
        }
    }
    Ok(())
}

/// The plan that is there; nothing where it cannot be read.
pub(super) fn plan_until_now(root: &Path) -> String {
    let bytes = read_file(&root.join("plan.md"), LONGEST).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

fn new_folder(root: &Path) -> io::Result<PathBuf> {
    for nth in 1.. {
        let folder = root.join(format!("replaced-{nth}"));
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|()| folder),
        }
    }
    unreachable!("numbers do not end")
}
