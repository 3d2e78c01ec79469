//! Tries a step again after it failed.
//!
//! Always so: `attempts` counts the tries after the first; waiting ends when the flow is to end.

use std::sync::Arc;
use std::time::Duration;

use millwright_core::openflow::Retry;
use uuid::Uuid;

use super::outcome::{Ended, Failure, line_of};
use super::step::Step;
use crate::mill::event::{Change, Event};
use crate::mill::expression::error_in;
use crate::store::StoreError;

/// Windmill waits no longer than this.
const LONGEST: Duration = Duration::from_hours(6);
/// Windmill tries no more often than once and a thousand times, and then once more.
const MOST: u64 = 1000;

impl Step<'_> {
    pub(super) async fn tries(&self) -> Result<Ended, StoreError> {
        let mut failed = 0;
        loop {
            let ended = self.once().await?;
            let (Ended::Failed(failure), Some(retry)) = (&ended, &self.module.retry) else {
                return Ok(ended);
            };
            if !failure.begun || failed > MOST || self.is_final(failure) {
                return Ok(ended);
            }
            match self.may_retry(retry, failure).await {
                Err(broken) => return Ok(broken),
                Ok(false) => return Ok(ended),
                Ok(true) => {}
            }
            let Some(pause) = pause_after(retry, failed) else {
                return Ok(ended);
            };
            failed += 1;
            self.tell_again(failed, failure);
            if self.frame.knows_next(&self.module.id) {
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.frame.stop.wished() => return Ok(Ended::Canceled),
            }
        }
    }

    /// Whether a message ended the flow, and there is no failure handler: then nothing follows any more.
    fn is_final(&self, failure: &Failure) -> bool {
        failure.early && self.frame.failure_module.is_none()
    }

    async fn may_retry(&self, retry: &Retry, failure: &Failure) -> Result<bool, Ended> {
        let Some(condition) = &retry.retry_if else {
            return Ok(true);
        };
        let mut scope = self.frame.scope_without_results(&failure.result);
        let error = ("error", Arc::new(error_in(&failure.result)));
        scope.names.push(error);
        let holds = self
            .frame
            .run
            .mill
            .engine
            .holds(&condition.expr, &scope)
            .await;
        holds.map_err(Ended::broken_stop)
    }

    fn tell_again(&self, attempt: u64, failure: &Failure) {
        let mut job = self.frame.job;
        self.change(|status| {
            if let Some(failed) = status.job {
                status.failed_retries.push(failed);
                job = failed;
            }
        });
        self.frame.run.mill.tell(Event {
            root: self.frame.run.root,
            job,
            parent: Some(self.frame.job),
            depth: self.frame.depth + 1,
            label: self.module.id.clone(),
            change: Change::Again {
                attempt,
                error: line_of(&failure.result),
            },
        });
    }
}

/// How long to wait before the next try, given how many have failed after the first; `None` where there is no next.
fn pause_after(retry: &Retry, failed: u64) -> Option<Duration> {
    let constant = retry.constant.as_ref();
    let first = constant.and_then(|part| part.attempts).unwrap_or(0);
    if failed < first {
        let seconds = constant.and_then(|part| part.seconds).unwrap_or(0);
        return Some(Duration::from_secs(seconds));
    }
    let growing = retry.exponential.as_ref()?;
    if failed - first >= growing.attempts.unwrap_or(0) {
        return None;
    }
    let tries = u32::try_from(failed + 1).unwrap_or(u32::MAX);
    let seconds = growing.seconds.unwrap_or(0).saturating_pow(tries);
    let seconds = growing.multiplier.unwrap_or(1).saturating_mul(seconds);
    let pause = Duration::from_secs(seconds).min(LONGEST);
    Some(varied(pause, growing.random_factor.unwrap_or(0)))
}

/// A time that is up to `percent` longer or shorter by chance.
fn varied(time: Duration, percent: u64) -> Duration {
    let chance = u32::from(Uuid::new_v4().as_bytes()[0]);
    let share = time / 100 * u32::try_from(percent.min(100)).unwrap_or(100);
    time.saturating_sub(share) + share * 2 / 255 * chance
}

#[cfg(test)]
mod tests {
    use millwright_core::openflow::{ConstantRetry, ExponentialRetry};

    use super::*;

    #[test]
    fn constant_tries_come_before_growing_ones() {
        let retry = Retry {
            constant: Some(ConstantRetry {
                attempts: Some(1),
                seconds: Some(7),
                ..ConstantRetry::default()
            }),
            exponential: Some(ExponentialRetry {
                attempts: Some(2),
                multiplier: Some(3),
                seconds: Some(2),
                ..ExponentialRetry::default()
            }),
            ..Retry::default()
        };
        let pauses: Vec<Option<u64>> = (0..4)
            .map(|failed| pause_after(&retry, failed).map(|pause| pause.as_secs()))
            .collect();
        assert_eq!(pauses, [Some(7), Some(12), Some(24), None]);
    }

    #[test]
    fn chance_keeps_within_its_bounds() {
        for _ in 0..100 {
            let pause = varied(Duration::from_secs(100), 20).as_millis();
            assert!((79_900..=120_100).contains(&pause), "{pause}");
        }
    }
}
