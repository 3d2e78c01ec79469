//! Claims on steps that a policy has sent back since.
//!
//! Always so: whoever comes with such a claim is told how the step stands; it is no failure, and nothing is begun.

use millwright_core::protocol::{
    Kind, QaResult, QaVerdict, Refused, StepRun, StepStatus, begin_execution,
};

use super::executions::End;
use super::work::as_json;
use super::{StoreError, Tables};

impl Tables<'_> {
    /// Whether a pending step that was ready when it was claimed is not ready any more.
    pub(super) fn waits_again(&self, step: &StepRun) -> Result<bool, StoreError> {
        let snapshot = self.see(step.protocol_run_id)?.snapshot;
        let waits = matches!(
            begin_execution(&snapshot, step.id),
            Err(Refused::NotReady { .. })
        );
        Ok(step.status == StepStatus::Pending && waits)
    }

    pub(super) fn is_superseded(&self, step_run_id: i64, claim: &str) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT 1 FROM superseded_claims WHERE claim = ?1 AND step_run_id = ?2",
            )?
            .exists((claim, step_run_id))?)
    }

    /// A policy has sent a step back: what was being done under the claim does not count, and that is no failure.
    pub(super) fn supersede(&self, step_run_id: i64, claim: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT INTO superseded_claims (claim, step_run_id) VALUES (?1, ?2)")?
            .execute((claim, step_run_id))?;
        self.end_superseded(step_run_id, claim)
    }

    /// Ends what runs under a superseded claim with the step as it now stands.
    pub(super) fn end_superseded(&self, step_run_id: i64, claim: &str) -> Result<(), StoreError> {
        let step = self.step(step_run_id)?;
        let check = QaResult {
            verdict: QaVerdict::Failed,
            summary: "not decided: a policy has sent the step back".to_owned(),
            gates: Vec::new(),
            step_status: step.status,
        };
        self.end_running_of(claim, Kind::Execute, &End::Succeeded(as_json(&step)))?;
        self.end_running_of(claim, Kind::Qa, &End::Succeeded(as_json(&check)))
    }
}
