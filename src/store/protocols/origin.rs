//! Whose work it was: the run and the job of whoever held the claim.
//!
//! Always so: a job that works under a flow's claim has a run of its own, and that comes first.

use millwright_core::protocol::{NewEvent, Report, Telemetry};
use millwright_core::refs::JobId;
use rusqlite::OptionalExtension;
use serde_json::Value;

use super::claims::HeldClaim;
use super::{StoreError, Tables};

impl HeldClaim {
    /// The jobs that hold it, that of a flow's part before that of the whole flow: `<whole>/<part>`.
    fn jobs(&self) -> impl Iterator<Item = &str> {
        self.holder.rsplit('/')
    }
}

impl Tables<'_> {
    /// The event with the run and the job that it comes from, if it is about a step; null where there is none.
    pub(super) fn with_origin(
        &self,
        event: &NewEvent,
        held: &HeldClaim,
    ) -> Result<NewEvent, StoreError> {
        if event.step_run_id.is_none() {
            return Ok(event.clone());
        }
        let of_worker = event.metadata.get("job_id").and_then(Value::as_str);
        let run = self.run_of(of_worker, held)?;
        let of_holder = held.jobs().find(|job| job.parse::<JobId>().is_ok());
        let job = of_worker.or(of_holder);
        let event = event.clone().with("run_id", run);
        Ok(event.with("job_id", job))
    }

    /// The run of a worker's job, else of the flow or the job that holds the claim.
    pub(super) fn run_of(
        &self,
        worker: Option<&str>,
        held: &HeldClaim,
    ) -> Result<Option<String>, StoreError> {
        for job in worker.into_iter().chain(held.jobs()) {
            if let Some(run) = self.run_of_job(job)? {
                return Ok(Some(run));
            }
        }
        Ok(None)
    }

    /// The run of the flow or the job that holds a step.
    pub(super) fn run_of_holder(&self, step_run_id: i64) -> Result<Option<String>, StoreError> {
        match self.claim_of(step_run_id)? {
            Some(held) => self.run_of(None, &held),
            None => Ok(None),
        }
    }

    /// A flow's run refers to the flow's log; so does the run of a job alone to that job's.
    fn run_of_job(&self, job: &str) -> Result<Option<String>, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT run_id FROM run_artifacts
                 WHERE path = 'windmill://job/' || ?1 || '/logs'
                     AND name IN ('windmill.flow.logs', 'windmill.logs')
                 ORDER BY name, id LIMIT 1",
            )?
            .query_row([job], |row| row.get(0))
            .optional()?)
    }

    /// Adds what an engine says that it has spent to what its run has cost.
    pub(super) fn count_cost(&self, held: &HeldClaim, report: &Report) -> Result<(), StoreError> {
        let Some(Telemetry {
            tokens: Some(tokens),
            cost_cents,
            job_id,
            ..
        }) = report.spending()
        else {
            return Ok(());
        };
        let Some(run) = self.run_of(job_id.as_deref(), held)? else {
            return Ok(());
        };
        let tokens = i64::try_from(tokens.sum()).unwrap_or(i64::MAX);
        self.connection
            .prepare_cached(
                "UPDATE codex_runs SET cost_tokens = coalesce(cost_tokens, 0) + ?2,
                     cost_cents = CASE WHEN ?3 IS NULL THEN cost_cents
                         ELSE coalesce(cost_cents, 0) + CAST(round(?3) AS INTEGER) END
                 WHERE run_id = ?1",
            )?
            .execute((run, tokens, cost_cents))?;
        Ok(())
    }
}
