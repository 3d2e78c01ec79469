//! Readers that wait for whoever asks for the next part of their log.
//!
//! Always so: who asks for part after part costs the log's length once; who asks from elsewhere, at most the way from the
//! mark before. A log that nobody has read is read from its beginning.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use millwright_core::refs::JobId;

use super::follow::{Follower, Reader};
use super::marks::Marks;

/// Readers with a connection, or with text that was read and not asked for.
const BUSY: usize = 16;
/// Readers that are only a place in a log.
const RESTING: usize = 512;
/// Jobs whose logs have marks.
const MARKED: usize = 64;
const IDLE: Duration = Duration::from_mins(1);

/// The readers of jobs' logs that wait, and the marks of the logs that were read last.
#[derive(Default)]
pub(in crate::server) struct Parked {
    waiting: Mutex<VecDeque<Waiting>>,
    marks: Mutex<VecDeque<(JobId, Arc<Marks>)>>,
}

struct Waiting {
    job: JobId,
    follower: Follower,
    rests: bool,
    since: Instant,
}

impl Parked {
    /// A reader of a job's log that is nearest before an offset: one that waits, one from a mark, or a new one.
    pub(super) fn reader(&self, job: JobId, offset: u64, new: impl FnOnce() -> Reader) -> Follower {
        let marks = self.marks_of(job);
        let mark = marks.before(offset);
        let from = mark.as_ref().map_or(0, Follower::at);
        let reader = self.take(job, from, offset).or(mark);
        reader
            .unwrap_or_else(|| Follower::new(new()))
            .marking(marks)
    }

    fn take(&self, job: JobId, from: u64, to: u64) -> Option<Follower> {
        let mut waiting = self.waiting.lock().expect(NO_PANIC);
        let is_between = |at: u64| from <= at && at <= to;
        let nearest = (0..waiting.len())
            .filter(|at| waiting[*at].job == job && is_between(waiting[*at].follower.at()))
            .max_by_key(|at| waiting[*at].follower.at())?;
        waiting.remove(nearest).map(|waiting| waiting.follower)
    }

    fn marks_of(&self, job: JobId) -> Arc<Marks> {
        let mut marks = self.marks.lock().expect(NO_PANIC);
        let known = marks.iter().position(|(of, _)| *of == job);
        let entry = known.and_then(|known| marks.remove(known));
        let entry = entry.unwrap_or_else(|| (job, Arc::new(Marks::new())));
        let found = Arc::clone(&entry.1);
        marks.push_back(entry);
        if marks.len() > MARKED {
            marks.pop_front();
        }
        found
    }

    /// Lets a reader wait.
    pub(super) fn put(&self, job: JobId, mut follower: Follower) {
        let rests = follower.has_nothing_pending() && follower.rest();
        let mut waiting = self.waiting.lock().expect(NO_PANIC);
        let same = |other: &Waiting| other.job == job && other.follower.at() == follower.at();
        waiting.retain(|other| !same(other));
        waiting.push_back(Waiting {
            job,
            follower,
            rests,
            since: Instant::now(),
        });
        shrink(&mut waiting, false, BUSY);
        shrink(&mut waiting, true, RESTING);
    }

    /// Lets go of the connections of readers that waited long.
    pub(in crate::server) fn tidy(&self) {
        let mut waiting = self.waiting.lock().expect(NO_PANIC);
        let is_long = |waiting: &Waiting| !waiting.rests && waiting.since.elapsed() > IDLE;
        for waiting in waiting.iter_mut().filter(|waiting| is_long(waiting)) {
            waiting.rests = waiting.follower.rest();
        }
        waiting.retain(|waiting| !is_long(waiting));
    }
}

impl std::fmt::Debug for Parked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Parked")
    }
}

/// Drops the oldest of a kind where there are too many.
fn shrink(waiting: &mut VecDeque<Waiting>, rests: bool, most: usize) {
    let is_one = |waiting: &Waiting| waiting.rests == rests;
    if waiting.iter().filter(|waiting| is_one(waiting)).count() > most {
        let oldest = waiting.iter().position(is_one);
        drop(oldest.and_then(|oldest| waiting.remove(oldest)));
    }
}

const NO_PANIC: &str = "nothing panics while it holds the readers";
