//! A job's own folder: its script, and what it leaves for its result.
//!
//! Always so: the folder is private to the user and is removed when its job is over.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use super::Task;
use super::launch::Launch;
use crate::mill::project::Runtime;

/// A result larger than this is an error, not a result.
const LARGEST_RESULT: u64 = 64 * 1024 * 1024;

/// A job's folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(super) fn make(task: &Task<'_>, launch: &Launch) -> io::Result<Self> {
        let folder = Self {
            path: task.folder.join(task.place.job()),
        };
        make_private(&folder.path)?;
        for (name, text) in &launch.files {
            fs::write(folder.path.join(name), text)?;
        }
        if let Some(packages) = packages_of(task) {
            symlink(packages, folder.path.join("node_modules"))?;
        }
        if let Some(shared) = task.shared {
            make_private(shared)?;
            symlink(shared, folder.path.join("shared"))?;
        }
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The text of a file that the script wrote; `None` where it is missing or empty.
    pub(super) fn read(&self, name: &str) -> Result<Option<String>, String> {
        let file = self.path.join(name);
        let size = match fs::metadata(&file) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{name} cannot be read: {error}")),
        };
        if size > LARGEST_RESULT {
            let most = LARGEST_RESULT / 1024 / 1024;
            return Err(format!(
                "{name} has {size} bytes, and a result at most {most} MiB: pass a reference to the content"
            ));
        }
        let text = fs::read_to_string(&file);
        let text = text.map_err(|error| format!("{name} cannot be read: {error}"))?;
        Ok((!text.is_empty()).then_some(text))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is in the system's folder for temporary files, and goes with it.
        drop(fs::remove_dir_all(&self.path));
    }
}

/// The project's packages, for a script that may import them.
fn packages_of<'a>(task: &Task<'a>) -> Option<&'a Path> {
    let packages = task.project.interpreters.packages.as_deref();
    packages.filter(|_| matches!(task.script.runtime, Runtime::Bun(_) | Runtime::Node(_)))
}

fn make_private(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}
