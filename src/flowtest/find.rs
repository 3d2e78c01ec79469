//! Where files of tests are.
//!
//! Always so: files come in the order of their names, each once, and hidden folders are not looked into.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::FlowTestError;

/// What the name of a file of tests ends with.
pub(super) const ENDING: &str = ".flow.test.yaml";

/// The files of tests among and below paths.
///
/// # Errors
/// Where a path cannot be read, or there is no such file at all.
pub fn test_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, FlowTestError> {
    let mut found = BTreeSet::new();
    for path in paths {
        let path = path.strip_prefix(".").unwrap_or(path);
        if path == Path::new("") {
            look_into(Path::new("."), &mut found)?;
        } else if path.is_dir() {
            look_into(path, &mut found)?;
        } else {
            found.insert(path.to_owned());
        }
    }
    if found.is_empty() {
        let paths: Vec<String> = paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        return Err(FlowTestError::NoTests(paths.join(", ")));
    }
    Ok(found.into_iter().collect())
}

fn look_into(folder: &Path, found: &mut BTreeSet<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let path = path
            .strip_prefix(".")
            .map_or_else(|_| path.clone(), Path::to_owned);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || path.is_symlink() {
            continue;
        }
        if name.ends_with(ENDING) {
            found.insert(path);
        } else if path.is_dir() && name != "node_modules" && name != "target" {
            look_into(&path, found)?;
        }
    }
    Ok(())
}
