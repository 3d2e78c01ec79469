//! A log that takes only so much of one process.
//!
//! Always so: what is left out is said once, in the log itself.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::LineSink;

/// So much of one process is logged.
const LONGEST_LOG: usize = 64 * 1024 * 1024;

/// A bound on a log.
pub(super) struct Bounded<'a> {
    log: &'a (dyn LineSink + Sync),
    said: AtomicUsize,
}

impl<'a> Bounded<'a> {
    /// The same log, of which nothing is used up.
    pub(super) fn new(log: &'a (dyn LineSink + Sync)) -> Self {
        Self {
            log,
            said: AtomicUsize::new(0),
        }
    }
}

impl LineSink for Bounded<'_> {
    fn line(&self, line: &str) {
        let length = line.len() + 1;
        let said = self.said.fetch_add(length, Ordering::Relaxed);
        if said.saturating_add(length) <= LONGEST_LOG {
            self.log.line(line);
        } else if said <= LONGEST_LOG {
            let note = format!("millwright: after {LONGEST_LOG} bytes no more of this is logged");
            self.log.line(&note);
        }
    }

    fn execution_id(&self) -> Option<&str> {
        self.log.execution_id()
    }
}
