//! What people do to a step: they have it run again, take it as done, or have it passed over.
//!
//! Always so: what was done under someone's claim meanwhile does not count any more.

use millwright_core::protocol::{
    Decision, Refused, Snapshot, StepRun, approve, last_to_retry, retry, skip,
};

use super::{StoreError, Tables};

impl Tables<'_> {
    /// Makes a step that failed or is blocked ready again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] where it did neither, or its protocol runs no steps.
    pub fn retry(&self, step_run_id: i64) -> Result<StepRun, StoreError> {
        self.by_hand(step_run_id, retry)
    }

    /// [`Tables::retry`] of the protocol's last step, by index, that failed or is blocked.
    ///
    /// # Errors
    /// As there, and [`StoreError::NotFound`] where there is no such step.
    pub fn retry_latest(&self, protocol_run_id: i64) -> Result<StepRun, StoreError> {
        let seen = self.see(protocol_run_id)?;
        let last = last_to_retry(&seen.snapshot);
        let last = last.ok_or(StoreError::NotFound("Failed or blocked step"))?;
        self.retry(last)
    }

    /// Takes a step as done.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] where it is under way or done, or its protocol has ended.
    pub fn approve(&self, step_run_id: i64) -> Result<StepRun, StoreError> {
        self.by_hand(step_run_id, approve)
    }

    /// Has a step passed over.
    ///
    /// # Errors
    /// As [`Tables::approve`].
    pub fn skip(&self, step_run_id: i64) -> Result<StepRun, StoreError> {
        self.by_hand(step_run_id, skip)
    }

    fn by_hand(
        &self,
        step_run_id: i64,
        decide: impl Fn(&Snapshot, i64) -> Result<Decision, Refused>,
    ) -> Result<StepRun, StoreError> {
        let step = self.step(step_run_id)?;
        self.sweep(step.protocol_run_id)?;
        let seen = self.see(step.protocol_run_id)?;
        let decision = decide(&seen.snapshot, step_run_id)?;
        self.apply(&seen, &decision, None)?;
        self.step(step_run_id)
    }
}
