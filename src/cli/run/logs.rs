//! The logs of the scripts that a run runs, read as they grow: from the database, or as they arrive.
//!
//! Always so: a line is given once and whole; what a worker writes before a script's output is left out.

use std::collections::BTreeMap;

use console::strip_ansi_codes;
use millwright_core::refs::JobId;

use super::texts::Texts;
use crate::store::jobs::{self, Offset};
use crate::store::{Store, StoreError};

/// How much is read at a time.
const PART: usize = 256 * 1024;
/// So much of a log's end is looked at for its last lines.
pub(super) const TAIL: usize = 16 * 1024;
/// How the line begins and ends that a worker writes before a script's output, whatever its language.
const BANNER: (&str, &str) = ("--- ", " EXECUTION ---");
/// What stands where Windmill has moved a log's beginning elsewhere.
const MOVED: &str = "[windmill] Previous logs";
/// After so many looks at which nothing has come, a line is given without its end.
const QUIET: u32 = 10;
/// So many lines are last lines.
const LAST_LINES: usize = 20;

/// Logs that are being read.
pub(super) struct Logs {
    place: Place,
    open: BTreeMap<JobId, Reader>,
}

/// Where they are.
enum Place {
    Database(Store),
    Arriving(Texts),
}

#[derive(Default)]
struct Reader {
    at: u64,
    is_output: bool,
    /// What has no line's end yet.
    rest: String,
    /// How often nothing has come since.
    quiet: u32,
    /// Whether a line was given before its end came, which stands before the next line.
    is_ahead: bool,
}

impl Logs {
    /// Those of a database.
    pub(super) fn of(store: Store) -> Self {
        Self::at(Place::Database(store))
    }

    /// Those that arrive.
    pub(super) fn arriving(texts: Texts) -> Self {
        Self::at(Place::Arriving(texts))
    }

    fn at(place: Place) -> Self {
        Self {
            place,
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
            let text = self.place.read(job, reader.at).await?;
            if text.is_empty() {
                lines.extend(reader.wait());
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
        let from = self.place.size(job).await?.saturating_sub(TAIL as u64);
        let text = self.place.read(job, from).await?;
        let output = match after_banner(&text) {
            Some(output) => output,
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

    /// Lets go of a job's log, which is not asked for any more.
    pub(super) fn forget(&self, job: JobId) {
        if let Place::Arriving(texts) = &self.place {
            texts.forget(job);
        }
    }
}

impl Place {
    async fn read(&self, job: JobId, from: u64) -> Result<String, StoreError> {
        let store = match self {
            Self::Arriving(texts) => return Ok(texts.read(job, from)),
            Self::Database(store) => store,
        };
        let part = store
            .read(move |connection| jobs::read_log(connection, job, Offset::Bytes(from), PART));
        Ok(part.await?.text)
    }

    /// How many bytes there are.
    async fn size(&self, job: JobId) -> Result<u64, StoreError> {
        let store = match self {
            Self::Arriving(texts) => return Ok(texts.size(job)),
            Self::Database(store) => store,
        };
        let size = store.read(move |connection| jobs::log_size(connection, job));
        Ok(size.await?.bytes)
    }
}

/// What a script wrote, after what its worker wrote; nothing where that has not ended. Where Windmill has moved the beginning
/// elsewhere, all of it is the script's.
fn after_banner(text: &str) -> Option<&str> {
    if text.trim_start().starts_with(MOVED) {
        return Some(text);
    }
    let mut rest = text;
    while let Some((line, after)) = rest.split_once('\n') {
        if line.starts_with(BANNER.0) && line.ends_with(BANNER.1) {
            return Some(after.trim_start_matches('\n'));
        }
        rest = after;
    }
    None
}

impl Reader {
    /// A line whose end is long in coming: it may be a last word for a while.
    fn wait(&mut self) -> Option<String> {
        self.quiet += 1;
        let is_due = self.is_output && self.quiet == QUIET && !self.rest.is_empty();
        is_due.then(|| {
            self.is_ahead = true;
            plain(&std::mem::take(&mut self.rest))
        })
    }

    fn take(&mut self, text: &str, lines: &mut Vec<String>) {
        self.quiet = 0;
        let was_ahead = std::mem::take(&mut self.is_ahead);
        let after_its_end = text.strip_prefix('\n').filter(|_| was_ahead);
        self.rest.push_str(after_its_end.unwrap_or(text));
        if !self.is_output {
            let Some(output) = after_banner(&self.rest) else {
                return;
            };
            self.rest = output.to_owned();
            self.is_output = true;
        }
        if let Some(end) = self.rest.rfind('\n') {
            lines.extend(self.rest[..end].split('\n').map(plain));
            self.rest.drain(..=end);
        }
    }
}

/// A line as it may be printed: what moves the cursor or colours the terminal is left out.
fn plain(line: &str) -> String {
    strip_ansi_codes(line)
        .chars()
        .filter(|c| *c == '\t' || !c.is_control())
        .collect()
}
