//! The logs of the scripts that a run runs, read from the database as they grow.
//!
//! Always so: a line is given once and whole; what a worker writes before a script's output is left out.

use std::collections::BTreeMap;

use console::strip_ansi_codes;
use millwright_core::refs::JobId;

use crate::mill::LOG_BANNER;
use crate::store::jobs::{self, Offset};
use crate::store::{Store, StoreError};

/// How much is read at a time.
const PART: usize = 256 * 1024;
/// So much of a log's end is looked at for its last lines.
const TAIL: u64 = 16 * 1024;
/// So many lines are last lines.
const LAST_LINES: usize = 20;

/// Logs that are being read.
pub(super) struct Logs {
    store: Store,
    open: BTreeMap<JobId, Reader>,
}

#[derive(Default)]
struct Reader {
    at: u64,
    is_output: bool,
    /// What has no line's end yet.
    rest: String,
}

impl Logs {
    pub(super) fn new(store: Store) -> Self {
        Self {
            store,
            open: BTreeMap::new(),
        }
    }

    /// Reads a job's log from now on.
    pub(super) fn follow(&mut self, job: JobId) {
        self.open.insert(job, Reader::default());
    }

    /// The jobs whose logs are read.
    pub(super) fn followed(&self) -> Vec<JobId> {
        self.open.keys().copied().collect()
    }

    /// The lines that have come since.
    pub(super) async fn new_lines(&mut self, job: JobId) -> Result<Vec<String>, StoreError> {
        let mut lines = Vec::new();
        let Some(reader) = self.open.get_mut(&job) else {
            return Ok(lines);
        };
        loop {
            let text = read(&self.store, job, reader.at).await?;
            if text.is_empty() {
                return Ok(lines);
            }
            reader.at += text.len() as u64;
            reader.take(&text, &mut lines);
        }
    }

    /// The lines that are still to come of a job that has ended.
    pub(super) async fn rest(&mut self, job: JobId) -> Result<Vec<String>, StoreError> {
        let mut lines = self.new_lines(job).await?;
        let reader = self.open.remove(&job).unwrap_or_default();
        if reader.is_output && !reader.rest.is_empty() {
            lines.push(plain(&reader.rest));
        }
        Ok(lines)
    }

    /// The last lines of a script's output.
    pub(super) async fn last_lines(&self, job: JobId) -> Result<Vec<String>, StoreError> {
        let size = self
            .store
            .read(move |connection| jobs::log_size(connection, job));
        let from = size.await?.bytes.saturating_sub(TAIL);
        let text = read(&self.store, job, from).await?;
        let output = match text.split_once(LOG_BANNER) {
            Some((_, output)) => output.trim_start_matches('\n'),
            // The first line is most likely a part of one.
            None if from > 0 => text
                .split_once('\n')
                .map_or(text.as_str(), |(_, rest)| rest),
            None => "",
        };
        let lines: Vec<&str> = output.lines().collect();
        let first = lines.len().saturating_sub(LAST_LINES);
        Ok(lines[first..].iter().map(|line| plain(line)).collect())
    }
}

impl Reader {
    fn take(&mut self, text: &str, lines: &mut Vec<String>) {
        self.rest.push_str(text);
        if !self.is_output {
            let Some((_, output)) = self.rest.split_once(LOG_BANNER) else {
                return;
            };
            self.rest = output.trim_start_matches('\n').to_owned();
            self.is_output = true;
        }
        if let Some(end) = self.rest.rfind('\n') {
            lines.extend(self.rest[..end].split('\n').map(plain));
            self.rest.drain(..=end);
        }
    }
}

async fn read(store: &Store, job: JobId, from: u64) -> Result<String, StoreError> {
    let part =
        store.read(move |connection| jobs::read_log(connection, job, Offset::Bytes(from), PART));
    Ok(part.await?.text)
}

/// A line as it may be printed: what moves the cursor or colours the terminal is left out.
fn plain(line: &str) -> String {
    strip_ansi_codes(line)
        .chars()
        .filter(|c| *c == '\t' || !c.is_control())
        .collect()
}
