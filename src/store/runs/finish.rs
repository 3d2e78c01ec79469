//! Closing a run.
//!
//! Always so: the first end counts. The same end told again adds what was missing; another end is refused.

use millwright_core::protocol::{NewEvent, job_failed};
use millwright_core::refs::{FinishRun, JobId, Run, RunStatus};
use rusqlite::{Connection, OptionalExtension, named_params};

use super::get;
use super::of_jobs::followed_job;
use crate::store::{StoreError, Timestamp, protocols};

const FINISH: &str = "UPDATE codex_runs SET
        status = :status,
        updated_at = :now,
        started_at = iif(finished_at IS NULL, min(coalesce(:started_at, started_at), :finished_at), started_at),
        finished_at = coalesce(finished_at, :finished_at),
        result = coalesce(result, :result),
        error = coalesce(error, :error),
        cost_tokens = coalesce(:cost_tokens, cost_tokens),
        cost_cents = coalesce(:cost_cents, cost_cents)
     WHERE run_id = :run_id";

/// When a run changed, and when it began and ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) now: Timestamp,
    /// Where that is known better than from its registration.
    pub(super) started_at: Option<Timestamp>,
    pub(super) finished_at: Timestamp,
}

/// Finishes a run. Telling the same end twice is harmless.
///
/// # Errors
/// [`StoreError::NotFound`] where there is no such run; [`StoreError::Conflict`] where it ended in another way already.
pub fn finish(
    connection: &Connection,
    run_id: &str,
    end: &FinishRun,
    now: Timestamp,
) -> Result<Run, StoreError> {
    let run = get(connection, run_id)?;
    let status = run.status;
    if status.is_final() && status != end.status {
        let (status, wanted) = (status.as_str(), end.status.as_str());
        return Err(StoreError::Conflict(format!(
            "run {run_id} is {status} already, so it cannot become {wanted}; a start with a higher attempt reopens it"
        )));
    }
    let times = Times {
        now,
        started_at: None,
        finished_at: now,
    };
    if status.is_final() {
        return write(connection, run_id, end, times);
    }
    let job = followed_job(connection, &run)?;
    close(connection, run_id, end, times, job)
}

/// Finishes an unfinished run, and tells where it has failed.
pub(super) fn close(
    connection: &Connection,
    run_id: &str,
    end: &FinishRun,
    times: Times,
    job: Option<JobId>,
) -> Result<Run, StoreError> {
    let finished = write(connection, run_id, end, times)?;
    tell(connection, &finished, job, times.now)?;
    Ok(finished)
}

/// The failure of a protocol's run is an event of the protocol.
fn tell(
    connection: &Connection,
    run: &Run,
    job: Option<JobId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if run.status != RunStatus::Failed {
        return Ok(());
    }
    let known: Option<(i64, Option<i64>, Option<String>)> = connection
        .prepare_cached(
            "SELECT protocol_runs.id, step_runs.id, spec_hash FROM protocol_runs
             LEFT JOIN step_runs ON step_runs.id = ?2 AND step_runs.protocol_run_id = protocol_runs.id
             WHERE protocol_runs.id = ?1",
        )?
        .query_row((run.protocol_run_id, run.step_run_id), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((protocol, step_run_id, spec_hash)) = known else {
        return Ok(());
    };
    let event = job_failed(run, job).with("spec_hash", spec_hash);
    let event = NewEvent {
        step_run_id,
        ..event
    };
    protocols::record(connection, protocol, &event, now)
}

fn write(
    connection: &Connection,
    run_id: &str,
    end: &FinishRun,
    times: Times,
) -> Result<Run, StoreError> {
    debug_assert!(end.status.is_final(), "the API refuses others");
    let values = named_params! {
        ":run_id": run_id,
        ":status": RunStatus::as_str(end.status),
        ":now": times.now,
        ":started_at": times.started_at,
        ":finished_at": times.finished_at,
        ":result": end.result,
        ":error": end.error,
        ":cost_tokens": end.cost_tokens,
        ":cost_cents": end.cost_cents,
    };
    connection.prepare_cached(FINISH)?.execute(values)?;
    get(connection, run_id)
}
