//! What the engine of a worker says: told in the job's log, and kept by the API as the log of the job's run.
//!
//! Always so: the engine waits for nobody here. Where the API is slow or away, what it cannot take is left out, and the log
//! says how much.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use millwright_core::refs::RunId;

use crate::client::{Client, ClientError};
use crate::engine::LineSink;
use crate::host::{Host, NativeHost, block_on, log};

/// A batch is sent when it is this long, or this old.
const BATCH: usize = 64 * 1024;
const AGE: Duration = Duration::from_secs(1);
/// The API takes no longer part.
const LONGEST_PART: usize = 256 * 1024;
/// So much waits for the API at most.
const LONGEST_WAITING: usize = 1024 * 1024;
/// One sending, with all its repetitions.
const SENDING: Duration = Duration::from_secs(5);
/// When the work is over, what is left may take so long.
const LAST: Duration = Duration::from_secs(5);

/// Takes an engine's lines.
pub(super) struct AgentLog {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: String,
    /// How many lines were left out since the last one that was taken.
    left_out: usize,
    /// When the work was over.
    over: Option<Instant>,
    /// Nobody keeps the log.
    is_for_nobody: bool,
}

impl AgentLog {
    /// Does `work`, whose lines go to the job's log and, where there is a run, to the API.
    pub(super) fn kept<T>(run: Option<&RunId>, work: impl FnOnce(&Self) -> T) -> T {
        let kept = Self {
            state: Mutex::default(),
            changed: Condvar::new(),
        };
        let Some(run) = run else {
            kept.state().is_for_nobody = true;
            return work(&kept);
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                if let Err(error) = kept.send(run) {
                    kept.state().is_for_nobody = true;
                    log(&format!("warning: the agent's log is not kept: {error}"));
                }
            });
            let _over = Over(&kept);
            work(&kept)
        })
    }

    fn send(&self, run: &RunId) -> Result<(), ClientError> {
        // A job that is run again goes on where its log ends.
        let mut offset = self.append(run, 0, "")?;
        while let Some(part) = self.next() {
            offset = self.append(run, offset, &part)?;
        }
        Ok(())
    }

    /// Sends a part until it has arrived. It is counted once, however often it is sent.
    fn append(&self, run: &RunId, offset: u64, part: &str) -> Result<u64, ClientError> {
        let host = NativeHost::new();
        loop {
            let client = Client::refs(&host)?.within(SENDING);
            match block_on(client.append_log(run, offset, part)) {
                Err(error) if error.is_passing() && !self.is_too_late() => {
                    block_on(host.sleep(AGE / 2));
                }
                outcome => return outcome,
            }
        }
    }

    /// Waits for the next part; none when the work is over and all was sent.
    fn next(&self) -> Option<String> {
        let is_idle = |state: &mut State| state.waiting.is_empty() && state.over.is_none();
        let waited = self.changed.wait_while(self.state(), is_idle);
        let state = waited.unwrap_or_else(PoisonError::into_inner);
        let is_early = |state: &mut State| state.waiting.len() < BATCH && state.over.is_none();
        let waited = self.changed.wait_timeout_while(state, AGE, is_early);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.over.is_some() {
            state.note_what_is_left_out();
        }
        let end = state.waiting.floor_char_boundary(LONGEST_PART);
        let rest = state.waiting.split_off(end);
        let part = std::mem::replace(&mut state.waiting, rest);
        (!part.is_empty()).then_some(part)
    }

    fn is_too_late(&self) -> bool {
        let over = self.state().over;
        over.is_some_and(|over| over.elapsed() > LAST)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LineSink for AgentLog {
    fn line(&self, line: &str) {
        log(line);
        let mut state = self.state();
        if !state.is_for_nobody {
            state.take(line);
            drop(state);
            self.changed.notify_one();
        }
    }
}

impl State {
    fn take(&mut self, line: &str) {
        if self.waiting.len() + line.len() > LONGEST_WAITING {
            self.left_out += 1;
            return;
        }
        self.note_what_is_left_out();
        self.waiting.push_str(line);
        self.waiting.push('\n');
    }

    fn note_what_is_left_out(&mut self) {
        if self.left_out > 0 {
            let note = format!("[{} lines are left out here]\n", self.left_out);
            self.waiting.push_str(&note);
            self.left_out = 0;
        }
    }
}

/// Ends the sending, however the work ends.
struct Over<'a>(&'a AgentLog);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.state().over = Some(Instant::now());
        self.0.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_fetches_is_left_out_and_counted() {
        let mut state = State::default();
        let line = "x".repeat(LONGEST_WAITING / 4);
        for _ in 0..6 {
            state.take(&line);
        }
        assert!(state.waiting.len() <= LONGEST_WAITING);
        state.waiting.clear();
        state.take("more");
        assert_eq!(state.waiting, "[3 lines are left out here]\nmore\n");
    }

    #[test]
    fn a_long_log_leaves_in_parts_that_end_between_characters() {
        let kept = AgentLog {
            state: Mutex::default(),
            changed: Condvar::new(),
        };
        let text = "ö€".repeat(LONGEST_PART / 4);
        kept.state().take(&text);
        drop(Over(&kept));
        let mut sent = String::new();
        while let Some(part) = kept.next() {
            assert!(part.len() <= LONGEST_PART);
            sent.push_str(&part);
        }
        assert_eq!(sent, text + "\n");
    }
}
