//! The jobs that open runs follow: when each is asked for next.
//!
//! Always so: a job that stands as before is asked for half as often, down to once in sixty looks.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use millwright_core::refs::JobId;

use crate::store::Timestamp;
use crate::store::runs::OpenJob;

/// The first wait, in looks.
const FIRST_WAIT: u32 = 2;
/// The longest wait, in looks.
const LONGEST_WAIT: u32 = 60;
/// A job that was never seen may be one of another workspace or server, and under way there: for so long after its newest
/// run began, nothing is concluded. Windmill itself keeps jobs no longer, where nobody tells it to.
const GRACE: Duration = Duration::from_hours(30 * 24);
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
    is_seen: bool,
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
    pub(super) fn keep(&mut self, open: &BTreeMap<JobId, OpenJob>, now: Instant) {
        let first_wait = self.tick * FIRST_WAIT;
        self.jobs.retain(|job, _| open.contains_key(job));
        for (job, OpenJob { since, is_seen }) in open {
            let watched = self.jobs.entry(*job).or_insert_with(|| Watched {
                since: *since,
                due: now,
                wait: first_wait,
                is_seen: *is_seen,
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

    /// A job has not ended. Says whether that is the first that is known of it.
    pub(super) fn is_open(&mut self, job: JobId, now: Instant) -> bool {
        self.postpone(job, now);
        let Some(watched) = self.jobs.get_mut(&job) else {
            return false;
        };
        watched.missed = 0;
        !std::mem::replace(&mut watched.is_seen, true)
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
        watched.missed >= MISSED && (watched.is_seen || is_old)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn jobs<const N: usize>() -> ([JobId; N], BTreeMap<JobId, OpenJob>) {
        let ids = [(); N].map(|()| JobId(Uuid::now_v7()));
        let open = OpenJob {
            since: Timestamp::now(),
            is_seen: false,
        };
        (ids, ids.into_iter().map(|id| (id, open)).collect())
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
        let newer = OpenJob {
            since: Timestamp(open[&a].since.0 + 1),
            is_seen: true,
        };
        let again = [(a, newer)].into();
        watch.keep(&again, now);
        assert_eq!(watch.due(now), [a], "a new run of a job is due at once");
    }

    #[test]
    fn a_job_is_gone_that_was_there_and_one_that_is_missed_for_long() {
        let ([seen, known, new, old], mut open) = jobs();
        open.get_mut(&known).unwrap().is_seen = true;
        open.get_mut(&old).unwrap().since = Timestamp(0);
        let mut watch = Watch::new(Duration::from_secs(1));
        let now = Instant::now();
        watch.keep(&open, now);
        assert!(watch.is_open(seen, now));
        for job in [seen, known, new, old] {
            assert!(!watch.is_gone(job, now), "once may be by chance");
        }
        let gone = [seen, known, new, old].map(|job| watch.is_gone(job, now));
        assert_eq!(gone, [true, true, false, true]);
        assert!(!watch.is_open(seen, now), "it is no news");
        assert!(!watch.is_gone(seen, now), "it was there in between");
    }
}
