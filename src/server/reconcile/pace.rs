//! How fast Windmill is asked.
//!
//! Always so: what leaves runs open is at most 20 requests a second, however many runs there are.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Requests a second in the long run.
const RATE: f64 = 15.0;
/// Requests at once. In any second there are at most `RATE` and these.
pub(super) const AT_ONCE: usize = 5;

/// A bucket of permits to ask, which fills up with time.
#[derive(Debug)]
pub(super) struct Pace(Mutex<Bucket>);

#[derive(Debug)]
struct Bucket {
    permits: f64,
    filled: Instant,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Bucket {
            permits: most(),
            filled: Instant::now(),
        }))
    }

    /// Waits for a permit.
    pub(super) async fn take(&self) {
        while let Some(wait) = self.try_take() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Gives a permit back: a request that ended a run is made once for each run, so it need not be slow.
    pub(super) fn give_back(&self) {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.permits = (bucket.permits + 1.0).min(most());
    }

    /// Takes a permit, or says how long there is none.
    fn try_take(&self) -> Option<Duration> {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let passed = now.duration_since(bucket.filled).as_secs_f64();
        bucket.permits = (bucket.permits + passed * RATE).min(most());
        bucket.filled = now;
        if bucket.permits < 1.0 {
            return Some(Duration::from_secs_f64((1.0 - bucket.permits) / RATE));
        }
        bucket.permits -= 1.0;
        None
    }
}

fn most() -> f64 {
    f64::from(u8::try_from(AT_ONCE).expect("it is a small number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_has_few_permits_but_for_those_that_come_back() {
        let pace = Pace::new();
        let begin = Instant::now();
        let mut taken = 0;
        while begin.elapsed() < Duration::from_millis(500) {
            pace.take().await;
            taken += 1;
        }
        assert!((5..=14).contains(&taken), "{taken} in half a second");
        let begin = Instant::now();
        for _ in 0..1000 {
            pace.take().await;
            pace.give_back();
        }
        assert!(begin.elapsed() < Duration::from_secs(1));
    }
}
