//! Reports that were taken, with their answers: who lost the answer reports again.
//!
//! Always so: the same report under the same claim counts once, and gets the same answer each time.

use millwright_core::protocol::{Report, StepRun};
use rusqlite::OptionalExtension;
use serde::Deserialize;
use serde_json::Value;

use super::work::as_json;
use super::{StoreError, Tables};

impl Tables<'_> {
    /// The answer to a report, where it was taken before.
    pub(super) fn answered(
        &self,
        step_run_id: i64,
        claim: &str,
        report: &Report,
    ) -> Result<Option<StepRun>, StoreError> {
        let answer: Option<Value> = self
            .connection
            .prepare_cached(
                "SELECT answer FROM reports WHERE claim = ?1 AND report = ?2 AND step_run_id = ?3",
            )?
            .query_row((claim, as_json(report), step_run_id), |row| row.get(0))
            .optional()?;
        Ok(answer.and_then(|answer| StepRun::deserialize(answer).ok()))
    }

    /// Keeps the answer to a report that was taken.
    pub(super) fn keep_answer(
        &self,
        claim: &str,
        report: &Report,
        answer: &StepRun,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO reports (claim, report, step_run_id, answer) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((claim, as_json(report), answer.id, as_json(answer)))?;
        Ok(())
    }
}
