//! A spec's text, read within bounds.
//!
//! Always so: what is too long or too deep is refused with a message before it costs anything.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

/// A longer text is no spec; the API takes no longer one either.
pub const LONGEST: usize = 8 * 1024 * 1024;

/// Why there is no spec in a text.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("cannot read {path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        reason: std::io::Error,
    },
    /// It is longer than any spec.
    #[error("{0} is longer than {LONGEST} bytes, which no spec is")]
    TooLong(String),
    /// It is no JSON, or JSON in JSON in JSON without end.
    #[error("{path} holds no JSON that can be read: {reason}")]
    NotJson {
        /// Where the text comes from.
        path: String,
        /// What is wrong, with line and column.
        reason: serde_json::Error,
    },
}

/// The JSON in a file; `-` is stdin.
///
/// # Errors
/// [`ReadError`].
pub fn read_file(path: &Path) -> Result<Value, ReadError> {
    read_text(&path.display().to_string(), &read_bytes(path)?)
}

/// What a file holds; `-` is stdin.
pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>, ReadError> {
    let shown = path.display().to_string();
    let unreadable = |reason| ReadError::File {
        path: shown.clone(),
        reason,
    };
    let limit = LONGEST as u64 + 1;
    let mut bytes = Vec::new();
    if shown == "-" {
        std::io::stdin().take(limit).read_to_end(&mut bytes)
    } else {
        let file = File::open(path).map_err(unreadable)?;
        file.take(limit).read_to_end(&mut bytes)
    }
    .map_err(unreadable)?;
    if bytes.len() > LONGEST {
        return Err(ReadError::TooLong(shown));
    }
    Ok(bytes)
}

/// The JSON in a text that comes from `path`.
///
/// # Errors
/// [`ReadError`].
pub fn read_text(path: &str, text: &[u8]) -> Result<Value, ReadError> {
    if text.len() > LONGEST {
        return Err(ReadError::TooLong(path.to_owned()));
    }
    serde_json::from_slice(text).map_err(|reason| ReadError::NotJson {
        path: path.to_owned(),
        reason,
    })
}
