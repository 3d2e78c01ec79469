//! The answer of `getupdate`, read as it arrives.
//!
//! Always so: however long the log inside is, no more than a part of it is held.

use axum::body::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;

use super::error::JobError;
use super::scan::Scanner;

/// The answer of `getupdate`: its log in parts, then what else it says.
pub(in crate::server) struct Update {
    content: BoxStream<'static, Result<Bytes, JobError>>,
    scanner: Scanner,
}

impl Update {
    pub(super) fn new(content: BoxStream<'static, Result<Bytes, JobError>>) -> Self {
        Self {
            content,
            scanner: Scanner::default(),
        }
    }

    /// The log's next part, never empty; `None` at the answer's end.
    pub(in crate::server) async fn next_text(&mut self) -> Result<Option<String>, JobError> {
        while let Some(bytes) = self.content.try_next().await? {
            let text = self.scanner.feed(&bytes).map_err(bad)?;
            if !text.is_empty() {
                return Ok(Some(text));
            }
        }
        self.scanner.finish().map_err(bad)?;
        Ok(None)
    }

    /// Whether the job has ended, with all of its log in this answer. Known at the answer's end.
    pub(in crate::server) fn completed(&self) -> bool {
        self.scanner.value("completed") == Some("true")
    }

    /// Where to ask next, where the answer says so. Known at the answer's end.
    pub(in crate::server) fn log_offset(&self) -> Option<u64> {
        self.scanner.value("log_offset")?.parse().ok()
    }
}

fn bad(reason: &'static str) -> JobError {
    JobError::BadAnswer(format!("getupdate: {reason}"))
}
