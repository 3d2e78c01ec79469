//! Where a step's result goes: `result.json` in a Windmill job, stdout otherwise.
//!
//! Always so: `result.json` is whole, valid JSON or not there; Windmill stalls on a half-written one.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::Value;

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
        return write_file(value.to_string().as_bytes()).map_err(|reason| {
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

/// Writes under another name and renames; what was begun is removed when it cannot be ended.
fn write_file(text: &[u8]) -> io::Result<()> {
    let draft = format!(".{FILE}.{}", std::process::id());
    let written = fs::write(&draft, text).and_then(|()| fs::rename(&draft, FILE));
    if written.is_err() {
        // The reason is already known; that this fails too adds nothing.
        let _ = fs::remove_file(&draft);
    }
    written
}
