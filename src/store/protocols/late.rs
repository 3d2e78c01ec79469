//! Claims that were taken from who was at work, and reports that come under them all the same.
//!
//! Always so: such a report changes nothing, and the first one under a claim is an event.

use millwright_core::protocol::{ExecutionOutcome, Report, came_too_late};
use rusqlite::OptionalExtension;

use super::claims::{HeldClaim, not_held};
use super::{StoreError, Tables};

impl Tables<'_> {
    /// Keeps that a claim was taken from its holder, who may be at work still; one that was never used is forgotten.
    pub(super) fn lose(&self, held: &HeldClaim) -> Result<(), StoreError> {
        if held.phase.is_none() {
            return Ok(());
        }
        self.connection
            .prepare_cached(
                "INSERT OR IGNORE INTO lost_claims (claim, step_run_id, holder, is_told) VALUES (?1, ?2, ?3, 0)",
            )?
            .execute((&held.claim, held.step_run_id, &held.holder))?;
        Ok(())
    }

    /// The refusal of a report from a holder who has lost its claim. That it came is told once, unless it only says that
    /// the work was stopped.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn refuse_late(
        &self,
        step_run_id: i64,
        claim: &str,
        report: &Report,
    ) -> Result<Option<StoreError>, StoreError> {
        let step = self.step(step_run_id)?;
        if self.answered(step_run_id, claim, report)?.is_some() {
            return Ok(None);
        }
        self.sweep(step.protocol_run_id)?;
        let Some((holder, is_told)) = self.lost(step_run_id, claim)? else {
            return Ok(None);
        };
        if !is_told && !says_stopped(report) {
            let held = HeldClaim {
                step_run_id,
                protocol_run_id: step.protocol_run_id,
                claim: claim.to_owned(),
                holder,
                phase: None,
                of_caller: true,
                expires_at: self.now,
            };
            let seen = self.see(step.protocol_run_id)?;
            let decision = came_too_late(&seen.snapshot, step_run_id, report)?;
            self.apply(&seen, &decision, Some(&held))?;
            self.connection
                .prepare_cached("UPDATE lost_claims SET is_told = 1 WHERE claim = ?1")?
                .execute([claim])?;
        }
        Ok(Some(not_held(step_run_id, claim)))
    }

    fn lost(&self, step_run_id: i64, claim: &str) -> Result<Option<(String, bool)>, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT holder, is_told FROM lost_claims WHERE claim = ?1 AND step_run_id = ?2",
            )?
            .query_row((claim, step_run_id), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?)
    }
}

fn says_stopped(report: &Report) -> bool {
    match report {
        Report::Executed(report) => report.outcome == ExecutionOutcome::Cancelled,
        Report::Checked(report) => report.verdict.is_none(),
        Report::Started(_) | Report::AutoFix(_) => false,
    }
}
