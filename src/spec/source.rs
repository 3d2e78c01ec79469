//! A spec from whatever a path leads to: JSON, a task list, a protocol's folder, a CodeMachine workspace.
//!
//! Always so: what the path leads to alone decides how it is read, and each gives the same thing.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use millwright_core::protocol::import::files::{NoStepFile, spec_of_files};
use millwright_core::protocol::import::tasks::{self, TaskListError};
use serde_json::Value;

use super::codemachine::{self, ImportError};
use super::read::{ReadError, read_bytes, read_file};

/// A spec, and what kind of thing it was made from.
#[derive(Debug)]
pub struct Made {
    /// The spec.
    pub spec: Value,
    /// The kind, in a word.
    pub source: &'static str,
    /// What was left out or changed.
    pub warnings: Vec<String>,
}

/// Why a path leads to no spec.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file cannot be read, or is no JSON.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A folder without steps.
    #[error("{path}: {reason}")]
    Files {
        /// The folder.
        path: String,
        /// What is missing.
        reason: NoStepFile,
    },
    /// A task list that cannot be done.
    #[error("{path}: {reason}")]
    Tasks {
        /// The list.
        path: String,
        /// What is wrong.
        reason: TaskListError,
    },
    /// A CodeMachine workspace that is wrong.
    #[error(transparent)]
    Workspace(#[from] ImportError),
}

/// The spec that a path leads to. `workflow` names one of a CodeMachine workspace's.
///
/// # Errors
/// [`SourceError`].
pub fn from_path(path: &Path, workflow: Option<&str>) -> Result<Made, SourceError> {
    let is_workspace = path.join(".codemachine").is_dir() || path.join("config").is_dir();
    if is_workspace {
        let imported = codemachine::import(path, None, workflow)?;
        return Ok(Made {
            warnings: imported.warnings,
            ..Made::from("codemachine", imported.spec)
        });
    }
    if path.is_dir() {
        return of_folder(path);
    }
    if path.extension() == Some(OsStr::new("md")) {
        return of_task_list(path);
    }
    Ok(Made::from("json", read_file(path)?))
}

impl Made {
    fn from(source: &'static str, spec: Value) -> Self {
        Self {
            spec,
            source,
            warnings: Vec::new(),
        }
    }
}

fn of_folder(path: &Path) -> Result<Made, SourceError> {
    let shown = path.display().to_string();
    let entries = fs::read_dir(path).map_err(|reason| ReadError::File {
        path: shown.clone(),
        reason,
    })?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let names: Vec<String> = names.collect();
    let spec = spec_of_files(names.iter().map(String::as_str));
    let spec = spec.map_err(|reason| SourceError::Files {
        path: shown,
        reason,
    })?;
    Ok(Made::from("files", spec))
}

fn of_task_list(path: &Path) -> Result<Made, SourceError> {
    let shown = path.display().to_string();
    let text = read_bytes(path)?;
    let text = String::from_utf8_lossy(&text);
    let list = tasks::read(&text);
    let spec = list.and_then(|list| list.spec(&shown));
    let spec = spec.map_err(|reason| SourceError::Tasks {
        path: shown,
        reason,
    })?;
    Ok(Made {
        warnings: tasks::warnings(&text),
        ..Made::from("tasks", spec)
    })
}
