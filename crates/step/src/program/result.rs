//! Where a step's result goes: `result.json` in a Windmill job, stdout otherwise.
//!
//! Always so: `result.json` is whole, valid JSON or not there; Windmill stalls on a half-written one.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::files::write_whole;

/// Windmill's name for the file.
const FILE: &str = "result.json";

/// Why the result could not be delivered.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResultError {
    #[error("result.json cannot be written in {folder}: {reason}")]
    File { folder: String, reason: io::Error },
    #[error("the result cannot be written to stdout: {0}")]
    Stdout(io::Error),
}

/// Whether this process is a Windmill job. What does not apply is empty there, not unset.
pub(super) fn in_a_job() -> bool {
    std::env::var_os("WM_JOB_ID").is_some_and(|id| !id.is_empty())
}

/// Delivers a result.
pub(super) fn write(value: &Value) -> Result<(), ResultError> {
    if in_a_job() {
        return write_whole(Path::new(FILE), value.to_string().as_bytes()).map_err(|reason| {
            let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
            ResultError::File {
                folder: folder.display().to_string(),
                reason,
            }
        });
    }
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{value:#}")
        .and_then(|()| stdout.flush())
        .map_err(ResultError::Stdout)
}
