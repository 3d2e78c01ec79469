//! A Windmill that does not answer, or not as it should: for how long it is left alone.
//!
//! Always so: the pause doubles up to that of sixty looks, and one answer ends it.

use std::time::{Duration, Instant};

use crate::server::jobs::JobError;

/// The longest pause, in looks.
const LONGEST_PAUSE: u32 = 60;
/// So many answers that are not understood, one after another, are those of something else than Windmill.
const MANY: u32 = 5;

/// Whether Windmill is away, and until when.
#[derive(Debug)]
pub(super) struct Away {
    tick: Duration,
    until: Option<Instant>,
    pause: Duration,
    failures: u32,
}

impl Away {
    /// A Windmill of which nothing bad is known. A look is every `tick`.
    pub(super) fn new(tick: Duration) -> Self {
        Self {
            tick,
            until: None,
            pause: Duration::ZERO,
            failures: 0,
        }
    }

    /// Whether it is left alone for now.
    pub(super) fn is_on(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// A request failed. Says whether Windmill is left alone now.
    pub(super) fn fails(&mut self, error: &JobError) -> bool {
        self.failures += 1;
        let is_away = matches!(error, JobError::Unreachable(_) | JobError::Refused(_));
        if is_away || self.failures >= MANY {
            self.begin(error);
            return true;
        }
        tracing::debug!(%error, "cannot ask how a job of an open run stands");
        false
    }

    /// Windmill does not answer.
    pub(super) fn begin(&mut self, error: &JobError) {
        if self.until.is_none() {
            tracing::warn!(%error, "open runs stay as they are while Windmill cannot be asked about their jobs");
        }
        self.pause = (self.pause * 2).clamp(self.tick, self.tick * LONGEST_PAUSE);
        self.until = Some(Instant::now() + self.pause);
        self.failures = 0;
    }

    /// Windmill has answered.
    pub(super) fn end(&mut self) {
        if self.until.is_some() {
            tracing::info!("Windmill answers again");
        }
        *self = Self::new(self.tick);
    }
}
