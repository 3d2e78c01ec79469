//! The log of an execution: a file that grows line by line.
//!
//! Always so: a log that cannot be written stops no work, and no log grows without bound.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use millwright_step::engine::LineSink;

/// So many bytes are kept of one log.
const LONGEST: usize = 64 * 1024 * 1024;

/// An execution's log.
pub(super) struct LogFile {
    open: Mutex<Option<Open>>,
    execution_id: String,
}

struct Open {
    file: File,
    left: usize,
}

impl LogFile {
    /// Where the log of an execution is.
    pub(super) fn path(logs: &Path, execution_id: &str) -> PathBuf {
        let logs = std::path::absolute(logs).unwrap_or_else(|_| logs.to_owned());
        logs.join("executions").join(format!("{execution_id}.log"))
    }

    /// Makes the file.
    pub(super) fn create(logs: &Path, execution_id: &str) -> Self {
        let path = Self::path(logs, execution_id);
        let folder = path.parent().unwrap_or(logs);
        let file = fs::create_dir_all(folder).and_then(|()| File::create(&path));
        if let Err(reason) = &file {
            tracing::warn!(path = %path.display(), %reason, "the execution has no log");
        }
        let left = LONGEST;
        Self {
            open: Mutex::new(file.ok().map(|file| Open { file, left })),
            execution_id: execution_id.to_owned(),
        }
    }
}

impl LineSink for LogFile {
    fn execution_id(&self) -> Option<&str> {
        Some(&self.execution_id)
    }

    fn line(&self, line: &str) {
        let mut log = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = log.as_mut() else { return };
        let fits = line.len() < open.left;
        open.left = open.left.saturating_sub(line.len() + 1);
        let written = if fits {
            writeln!(open.file, "{line}")
        } else {
            writeln!(
                open.file,
                "millwright: the log ends here, after {LONGEST} bytes"
            )
        };
        if written.is_err() || !fits {
            *log = None;
        }
    }
}
