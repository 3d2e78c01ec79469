//! Places in a job's log from which it can be read on.
//!
//! Always so: there are at most [`MOST`] of one log, however long it is. Where there would be more, their distance doubles.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::follow::Follower;

/// How far two marks are from each other at first, in bytes: little, as a few bytes of a flow's story may be many requests.
const DISTANCE: u64 = 1024;
const MOST: usize = 128;

/// The marks of one log.
pub(super) struct Marks(Mutex<Places>);

struct Places {
    distance: u64,
    /// The first place of each stretch that is as long as the distance. The first stretch needs none.
    known: BTreeMap<u64, Follower>,
}

impl Marks {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Places {
            distance: DISTANCE,
            known: BTreeMap::new(),
        }))
    }

    /// Whether a mark at an offset is of use.
    pub(super) fn want(&self, at: u64) -> bool {
        let places = self.0.lock().expect(NO_PANIC);
        let stretch = at / places.distance;
        stretch > 0 && !places.known.contains_key(&stretch)
    }

    /// Keeps a reader that stands at a place.
    pub(super) fn put(&self, mark: Follower) {
        let mut places = self.0.lock().expect(NO_PANIC);
        places.keep(mark);
        while places.known.len() > MOST {
            places.distance *= 2;
            for mark in std::mem::take(&mut places.known).into_values() {
                places.keep(mark);
            }
        }
    }

    /// A reader that stands at the last mark up to an offset.
    pub(super) fn before(&self, offset: u64) -> Option<Follower> {
        let places = self.0.lock().expect(NO_PANIC);
        let mut latest_first = places.known.values().rev();
        latest_first.find(|mark| mark.at() <= offset)?.mark()
    }

    /// Forgets them all.
    pub(super) fn clear(&self) {
        self.0.lock().expect(NO_PANIC).known.clear();
    }
}

impl Places {
    fn keep(&mut self, mark: Follower) {
        let stretch = mark.at() / self.distance;
        if stretch > 0 {
            self.known.entry(stretch).or_insert(mark);
        }
    }
}

const NO_PANIC: &str = "nothing panics while it holds the marks";
