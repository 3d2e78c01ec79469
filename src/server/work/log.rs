//! The log of an execution: a file that grows line by line, and beside it, while one runs, the name of its process.
//!
//! Always so: a log that cannot be written stops no work, and no log grows without bound.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use millwright_step::engine::LineSink;

use super::owner;

/// So many bytes are kept of one log.
const LONGEST: usize = 64 * 1024 * 1024;

/// An execution's log.
pub(super) struct LogFile {
    open: Mutex<Option<Open>>,
    process: PathBuf,
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
            process: path.with_extension("process"),
        }
    }

    /// Ends what an execution whose server is gone has left running.
    pub(super) fn end_orphan(logs: &Path, execution_id: &str) {
        let process = Self::path(logs, execution_id).with_extension("process");
        if let Ok(name) = fs::read_to_string(&process) {
            owner::end_group(&name);
            forget(&process);
        }
    }
}

impl Drop for LogFile {
    fn drop(&mut self) {
        forget(&self.process);
    }
}

fn forget(process: &Path) {
    // Where nothing was begun there is no such file.
    let _ = fs::remove_file(process);
}

impl LineSink for LogFile {
    fn process(&self, id: u32) {
        if let Err(reason) = fs::write(&self.process, owner::name_of(id)) {
            tracing::warn!(path = %self.process.display(), %reason, "the process is not on record");
        }
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
