//! Closing a run.
//!
//! Always so: the first end counts. The same end told again adds what was missing; another end is refused.

use millwright_core::protocol::{NewEvent, job_failed};
use millwright_core::refs::{FinishRun, JobId, JobRef, Resource, Run, RunStatus};
use rusqlite::{Connection, OptionalExtension, named_params};
use serde_json::Value;

use super::get;
use crate::store::{StoreError, Timestamp, artifacts, protocols};

const FINISH: &str = "UPDATE codex_runs SET
        status = :status,
        updated_at = :now,
        finished_at = coalesce(finished_at, :now),
        result = coalesce(result, :result),
        error = coalesce(error, :error),
        cost_tokens = coalesce(:cost_tokens, cost_tokens),
        cost_cents = coalesce(:cost_cents, cost_cents)
     WHERE run_id = :run_id";

/// A run follows its flow's job where that is registered, else the job that its log is of. While a flow's emit step has
/// not registered the flow yet, its own end says nothing about the run.
const OPEN_RUNS_OF_JOB: &str = "
    SELECT run.run_id FROM run_artifacts AS artifact JOIN codex_runs AS run USING (run_id)
     WHERE artifact.name = 'windmill.flow.result' AND artifact.path = ?1 AND run.finished_at IS NULL
    UNION ALL
    SELECT run.run_id FROM codex_runs AS run
     WHERE run.log_path = ?2 AND run.finished_at IS NULL
       AND NOT EXISTS (SELECT 1 FROM jobs WHERE id = ?3 AND step_id = 'tgz_emit_refs')
       AND NOT EXISTS (SELECT 1 FROM run_artifacts AS artifact
                        WHERE artifact.run_id = run.run_id
                          AND artifact.name IN ('windmill.flow.logs', 'windmill.flow.result', 'windmill.flow.error'))";

const FLOW_RESULT: &str = "windmill.flow.result";
const FLOW_ARTIFACTS: [&str; 3] = ["windmill.flow.logs", FLOW_RESULT, "windmill.flow.error"];

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
    let job = followed_job(connection, &run)?;
    let finished = write(connection, run_id, end, now)?;
    if !status.is_final() {
        tell(connection, &finished, job, now)?;
    }
    Ok(finished)
}

/// Finishes every unfinished run that follows a job which has ended, and returns their ids.
///
/// # Errors
/// Those of the database.
pub fn finish_for_job(
    connection: &Connection,
    job: JobId,
    end: &FinishRun,
) -> Result<Vec<String>, StoreError> {
    let result = job.reference(Resource::Result).to_string();
    let logs = job.reference(Resource::Logs).to_string();
    let open: Vec<String> = connection
        .prepare_cached(OPEN_RUNS_OF_JOB)?
        .query_map([&result, &logs, &job.to_string()], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let now = Timestamp::now();
    for run_id in &open {
        let finished = write(connection, run_id, end, now)?;
        tell(connection, &finished, Some(job), now)?;
    }
    Ok(open)
}

/// The job whose end is the end of an unfinished run.
///
/// # Errors
/// Those of the database.
pub fn followed_job(connection: &Connection, run: &Run) -> Result<Option<JobId>, StoreError> {
    if run.status.is_final() {
        return Ok(None);
    }
    let flow = artifacts::paths_of(connection, &run.run_id, FLOW_ARTIFACTS)?;
    let (path, resource) = if flow.is_empty() {
        (run.log_path.as_deref(), Resource::Logs)
    } else {
        let result = flow.iter().find(|(name, _)| name == FLOW_RESULT);
        (result.map(|(_, path)| path.as_str()), Resource::Result)
    };
    let reference = path.and_then(|path| path.parse::<JobRef>().ok());
    let meant = reference.filter(|reference| reference.resource == resource);
    Ok(meant.map(|reference| reference.job))
}

/// How a run ends whose job ended with this result: of a job that did not end well, the result's `error`, or, where it has
/// none, the whole result is the run's error.
#[must_use]
pub fn end_with(status: RunStatus, mut result: Value) -> FinishRun {
    let (result, error) = if status == RunStatus::Succeeded {
        (result, Value::Null)
    } else {
        let error = result.get_mut("error").map(Value::take);
        (Value::Null, error.unwrap_or(result))
    };
    let some = |value: Value| Some(value).filter(|value| !value.is_null());
    FinishRun {
        status,
        result: some(result),
        error: some(error),
        cost_tokens: None,
        cost_cents: None,
    }
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
    now: Timestamp,
) -> Result<Run, StoreError> {
    debug_assert!(end.status.is_final(), "the API refuses others");
    let values = named_params! {
        ":run_id": run_id,
        ":status": RunStatus::as_str(end.status),
        ":now": now,
        ":result": end.result,
        ":error": end.error,
        ":cost_tokens": end.cost_tokens,
        ":cost_cents": end.cost_cents,
    };
    connection.prepare_cached(FINISH)?.execute(values)?;
    get(connection, run_id)
}
