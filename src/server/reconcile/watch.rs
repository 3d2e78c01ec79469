//! The jobs that open runs follow: when each is asked for next.
//!
//! Always so: a job that stands as before is asked for half as often, down to once in sixty looks.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use millwright_core::refs::JobId;

use crate::store::Timestamp;

/// The first wait, in looks.
const FIRST_WAIT: u32 = 2;
/// The longest wait, in looks.
const LONGEST_WAIT: u32 = 60;
/// A job that was never seen may be in another workspace: for so long after its newest run began, nothing is concluded.
const GRACE: Duration = Duration::from_hours(1);
/// A job that was seen before is gone when it is missed so often.
const MISSED: u32 = 2;

/// Jobs, each with when it is due.
#[derive(Debug)]
pub(super) struct Watch {
    jobs: BTreeMap<JobId, Watched>,
    tick: Duration,
}

#[derive(Debug)]
struct Watched {
    /// When the newest of its runs began.
    since: Timestamp,
    due: Instant,
    wait: Duration,
    seen: bool,
    missed: u32,
}

impl Watch {
    /// Watches nothing yet. A look is every `tick`.
    pub(super) fn new(tick: Duration) -> Self {
        Self {
            jobs: BTreeMap::new(),
            tick,
        }
    }

    /// Watches these jobs and no other. New ones are due at once, and so are those that a new run follows.
    pub(super) fn keep(&mut self, open: &BTreeMap<JobId, Timestamp>, now: Instant) {
        let first_wait = self.tick * FIRST_WAIT;
        self.jobs.retain(|job, _| open.contains_key(job));
        for (job, since) in open {
            let watched = self.jobs.entry(*job).or_insert_with(|| Watched {
                since: *since,
                due: now,
                wait: first_wait,
                seen: false,
                missed: 0,
            });
            if watched.since < *since {
                (watched.since, watched.due, watched.wait) = (*since, now, first_wait);
            }
        }
    }

    /// The jobs that are due, those first that wait the longest.
    pub(super) fn due(&self, now: Instant) -> Vec<JobId> {
        let due = self.jobs.iter().filter(|(_, watched)| watched.due <= now);
        let mut due: Vec<_> = due.map(|(job, watched)| (watched.due, *job)).collect();
        due.sort_unstable();
        due.into_iter().map(|(_, job)| job).collect()
    }

    /// A job has not ended.
    pub(super) fn is_open(&mut self, job: JobId, now: Instant) {
        if let Some(watched) = self.jobs.get_mut(&job) {
            (watched.seen, watched.missed) = (true, 0);
        }
        self.postpone(job, now);
    }

    /// Nothing is known of a job for now.
    pub(super) fn postpone(&mut self, job: JobId, now: Instant) {
        if let Some(watched) = self.jobs.get_mut(&job) {
            watched.due = now + watched.wait;
            watched.wait = (watched.wait * 2).min(self.tick * LONGEST_WAIT);
        }
    }

    /// Windmill says that it has no such job. Says whether that is to be believed.
    pub(super) fn is_gone(&mut self, job: JobId, now: Instant) -> bool {
        self.postpone(job, now);
        let Some(watched) = self.jobs.get_mut(&job) else {
            return false;
        };
        watched.missed += 1;
        let age = Timestamp::now().0.saturating_sub(watched.since.0);
        let is_old = u128::try_from(age).is_ok_and(|age| age > GRACE.as_micros());
        watched.missed >= MISSED && (watched.seen || is_old)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn jobs<const N: usize>() -> ([JobId; N], BTreeMap<JobId, Timestamp>) {
        let ids = [(); N].map(|()| JobId(Uuid::now_v7()));
        let now = Timestamp::now();
        (ids, ids.into_iter().map(|id| (id, now)).collect())
    }

    #[test]
    fn what_stands_as_before_is_asked_for_less_and_less() {
        let ([a, b], open) = jobs();
        let mut watch = Watch::new(Duration::from_secs(1));
        let start = Instant::now();
        watch.keep(&open, start);
        assert_eq!(watch.due(start).len(), 2);
        let mut now = start;
        let mut waits = Vec::new();
        for _ in 0..7 {
            watch.is_open(a, now);
            let begin = now;
            while !watch.due(now).contains(&a) {
                now += Duration::from_secs(1);
            }
            waits.push((now - begin).as_secs());
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(watch.due(now), [b, a], "the longest first");
        watch.is_open(a, now);
        let again = [(a, Timestamp(open[&a].0 + 1))].into();
        watch.keep(&again, now);
        assert_eq!(watch.due(now), [a], "a new run of a job is due at once");
    }

    #[test]
    fn a_job_is_gone_that_was_there_and_one_that_is_missed_for_long() {
        let ([seen, new, old], mut open) = jobs();
        *open.get_mut(&old).unwrap() = Timestamp(0);
        let mut watch = Watch::new(Duration::from_secs(1));
        let now = Instant::now();
        watch.keep(&open, now);
        watch.is_open(seen, now);
        for job in [seen, new, old] {
            assert!(!watch.is_gone(job, now), "once may be by chance");
        }
        let gone = [seen, new, old].map(|job| watch.is_gone(job, now));
        assert_eq!(gone, [true, false, true]);
        watch.is_open(seen, now);
        assert!(!watch.is_gone(seen, now), "it was there in between");
    }
}
