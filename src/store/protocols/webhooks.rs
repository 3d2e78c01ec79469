//! Deliveries of forges' webhooks.
//!
//! Always so: a delivery is told once, in the transaction that writes its events.

use millwright_core::protocol::{CiState, EventType, Hook, StepStatus, hook_received};

use super::{StoreError, Tables};
use crate::store::Timestamp;

/// So long a delivery is known. Forges deliver again within days.
const KNOWN_MICROS: i64 = 30 * 24 * 3_600_000_000;

/// What a delivery has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenHook {
    /// Whether it was not known yet.
    pub is_new: bool,
    /// The steps that wait for a check which it lets begin.
    pub waiting: Vec<i64>,
}

impl Tables<'_> {
    /// Puts a delivery about a protocol's branch on record, and gives the steps that wait for a check where the branch's
    /// continuous integration has passed. A delivery that is known already is not told again; its checks may not have begun.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn take_hook(
        &self,
        protocol_run_id: i64,
        branch: &str,
        hook: &Hook,
        delivery: &str,
    ) -> Result<TakenHook, StoreError> {
        let run = self.protocol(protocol_run_id)?;
        let is_new = self.is_new_delivery(hook, delivery)?;
        self.sweep(protocol_run_id)?;
        let seen = self.see(protocol_run_id)?;
        if is_new {
            let has_pull_request = run.pr_number.or(hook.pr_number).is_some();
            let ci_is_new = has_pull_request && !self.is_ci_known(protocol_run_id, hook)?;
            let decision = hook_received(&seen.snapshot, hook, branch, ci_is_new);
            self.apply(&seen, &decision, None)?;
        }
        let begins = hook.ci == Some(CiState::Passed) && seen.snapshot.status.takes_steps();
        let steps = seen.snapshot.steps.iter().filter(|_| begins);
        let waiting = steps.filter(|step| step.status == StepStatus::NeedsQa && !step.claimed);
        Ok(TakenHook {
            is_new,
            waiting: waiting.map(|step| step.id).collect(),
        })
    }

    fn is_new_delivery(&self, hook: &Hook, delivery: &str) -> Result<bool, StoreError> {
        self.connection
            .prepare_cached("DELETE FROM webhook_deliveries WHERE received_at < ?1")?
            .execute([Timestamp(self.now.0 - KNOWN_MICROS)])?;
        let written = self
            .connection
            .prepare_cached(
                "INSERT OR IGNORE INTO webhook_deliveries (forge, delivery, received_at) VALUES (?1, ?2, ?3)",
            )?
            .execute((hook.forge.as_str(), delivery, self.now))?;
        Ok(written == 1)
    }

    /// Whether it was told already that the continuous integration of a commit begins.
    fn is_ci_known(&self, protocol_run_id: i64, hook: &Hook) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT 1 FROM events WHERE protocol_run_id = ?1 AND event_type = ?2
                     AND metadata ->> '$.sha' IS ?3",
            )?
            .exists((protocol_run_id, EventType::CiTriggered.as_str(), &hook.sha))?)
    }
}
