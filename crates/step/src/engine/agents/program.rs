//! An agent's executable: where it is, and how one comes by it.
//!
//! Always so: nothing of it is remembered between two runs; one that is installed meanwhile is found.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::engine::{EngineError, Task};

/// An executable.
#[derive(Debug, Clone)]
pub(super) struct Program {
    /// Its name on the search path.
    pub(super) name: &'static str,
    /// The variable that says where it is.
    pub(super) variable: &'static str,
    /// How it is installed.
    pub(super) install: &'static str,
    /// Where it is, whatever the environment says.
    pub(super) path: Option<PathBuf>,
}

impl Program {
    /// A command without arguments.
    pub(super) fn command(&self) -> Command {
        let given = self.path.clone().map(PathBuf::into_os_string);
        let named = || std::env::var_os(self.variable).filter(|path| !path.is_empty());
        Command::new(
            given
                .or_else(named)
                .map_or_else(|| self.name.into(), absolute),
        )
    }

    /// What is said where it is not there.
    pub(super) fn missing(&self) -> EngineError {
        EngineError::NotInstalled {
            program: self.name,
            install: self.install,
            variable: self.variable,
        }
    }

    /// Why there is no process.
    pub(super) fn not_started(&self, reason: io::Error, task: &Task) -> EngineError {
        if reason.kind() == ErrorKind::NotFound && task.directory.is_dir() {
            return self.missing();
        }
        EngineError::NotStarted {
            program: self.name.to_owned(),
            reason,
        }
    }
}

/// A path with a folder in it means the caller's folder, not that of the work.
fn absolute(path: OsString) -> OsString {
    if Path::new(&path).components().count() < 2 {
        return path;
    }
    std::path::absolute(&path).map_or(path, PathBuf::into_os_string)
}
