//! How a row becomes a run.
//!
//! Always so: [`columns`] and [`read`] name the same columns in the same order.

use millwright_core::refs::{Run, RunStatus};
use rusqlite::Row;
use rusqlite::types::{FromSqlError, Type};

use crate::store::Timestamp;

/// The columns that [`read`] takes.
macro_rules! columns {
    () => {
        "run_id, job_type, status, created_at, updated_at, run_kind, project_id, protocol_run_id, step_run_id, queue, \
         attempt, worker_id, started_at, finished_at, prompt_version, params, result, error, log_path, cost_tokens, \
         cost_cents"
    };
}
pub(super) use columns;

/// The run in a row of [`columns`].
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Run> {
    let moment = |index| row.get::<_, Option<Timestamp>>(index);
    Ok(Run {
        run_id: row.get(0)?,
        job_type: row.get(1)?,
        status: status(row, 2)?,
        created_at: row.get::<_, Timestamp>(3)?.to_row_text(),
        updated_at: row.get::<_, Timestamp>(4)?.to_row_text(),
        run_kind: row.get(5)?,
        project_id: row.get(6)?,
        protocol_run_id: row.get(7)?,
        step_run_id: row.get(8)?,
        queue: row.get(9)?,
        attempt: row.get(10)?,
        worker_id: row.get(11)?,
        started_at: moment(12)?.map(Timestamp::to_run_text),
        finished_at: moment(13)?.map(Timestamp::to_run_text),
        prompt_version: row.get(14)?,
        params: row.get(15)?,
        result: row.get(16)?,
        error: row.get(17)?,
        log_path: row.get(18)?,
        cost_tokens: row.get(19)?,
        cost_cents: row.get(20)?,
        warnings: Vec::new(),
    })
}

/// A status by its word.
pub(super) fn status(row: &Row<'_>, index: usize) -> rusqlite::Result<RunStatus> {
    let word = row.get_ref(index)?.as_str()?;
    RunStatus::parse(word).ok_or_else(|| {
        let unknown = format!("{word:?} is not a run's status");
        rusqlite::Error::FromSqlConversionFailure(
            index,
            Type::Text,
            FromSqlError::Other(unknown.into()).into(),
        )
    })
}
