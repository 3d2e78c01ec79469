//! Logs that arrive while a run is followed.
//!
//! Always so: what was read is let go of, and of what nobody reads the end alone is kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use millwright_core::refs::JobId;

/// The logs of jobs, as far as they have arrived. Clones are the same logs.
#[derive(Debug, Clone)]
pub(super) struct Texts {
    all: Arc<Mutex<HashMap<JobId, Text>>>,
    /// So much is kept of what was not read.
    keep: usize,
}

#[derive(Debug, Default)]
struct Text {
    /// How many bytes came before what is kept.
    before: u64,
    kept: String,
}

impl Texts {
    /// No logs yet.
    pub(super) fn keeping(keep: usize) -> Self {
        Self {
            all: Arc::default(),
            keep,
        }
    }

    /// Adds what has arrived of a job's log.
    pub(super) fn push(&self, job: JobId, more: &str) {
        let mut all = self.all();
        let text = all.entry(job).or_default();
        text.kept.push_str(more);
        let surplus = text.kept.len().saturating_sub(self.keep);
        // So that not every piece moves all of it.
        if surplus > self.keep {
            text.forget(surplus);
        }
    }

    /// What has arrived from a byte on, or since what is kept; what stands before it is let go of.
    pub(super) fn read(&self, job: JobId, from: u64) -> String {
        let mut all = self.all();
        let Some(text) = all.get_mut(&job) else {
            return String::new();
        };
        let known = from.saturating_sub(text.before);
        text.forget(usize::try_from(known).unwrap_or(usize::MAX));
        text.kept.clone()
    }

    /// How many bytes have arrived.
    pub(super) fn size(&self, job: JobId) -> u64 {
        let all = self.all();
        let size = all
            .get(&job)
            .map(|text| text.before + text.kept.len() as u64);
        size.unwrap_or_default()
    }

    /// Lets go of a job's log.
    pub(super) fn forget(&self, job: JobId) {
        self.all().remove(&job);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<JobId, Text>> {
        self.all
            .lock()
            .expect("nothing panics while it holds the logs")
    }
}

impl Text {
    fn forget(&mut self, bytes: usize) {
        let end = self.kept.ceil_char_boundary(bytes.min(self.kept.len()));
        self.kept.drain(..end);
        self.before += end as u64;
    }
}
