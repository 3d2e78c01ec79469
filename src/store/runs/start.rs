//! Registering a run, again and again.
//!
//! Always so: a reference is never lost: an association that does not exist is dropped and named, and the run is kept.

use millwright_core::refs::{Run, StartRun};
use rusqlite::{Connection, named_params};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::store::{StoreError, Timestamp};

/// What is not sent keeps its value; so do a known run's job type, and, once finished, its status and times, until a
/// higher attempt comes. An attempt never goes back, and none counts as the first. `RETURNING` would make SQLite keep a
/// journal of the statement, which costs more than to read the row.
const UPSERT: &str = "INSERT INTO codex_runs
       (run_id, job_type, status, created_at, updated_at, started_at, run_kind, project_id, protocol_run_id, step_run_id,
        queue, attempt, worker_id, prompt_version, params, log_path)
     VALUES
       (:run_id, :job_type, 'running', :now, :now, :now, :run_kind, :project_id, :protocol_run_id, :step_run_id,
        :queue, :attempt, :worker_id, :prompt_version, :params, coalesce(:log_path, 'runs/' || :run_id || '/logs.txt'))
     ON CONFLICT (run_id) DO UPDATE SET
        updated_at = :now,
        run_kind = coalesce(:run_kind, run_kind),
        project_id = coalesce(:project_id, project_id),
        protocol_run_id = coalesce(:protocol_run_id, protocol_run_id),
        step_run_id = coalesce(:step_run_id, step_run_id),
        queue = coalesce(:queue, queue),
        attempt = max(coalesce(:attempt, attempt), coalesce(attempt, :attempt)),
        worker_id = coalesce(:worker_id, worker_id),
        prompt_version = coalesce(:prompt_version, prompt_version),
        params = coalesce(:params, params),
        log_path = coalesce(:log_path, log_path),
        status = iif(finished_at IS NULL OR :attempt > coalesce(attempt, 1), 'running', status),
        started_at = iif(finished_at IS NULL OR :attempt > coalesce(attempt, 1), :now, started_at),
        result = iif(:attempt > coalesce(attempt, 1) AND finished_at IS NOT NULL, NULL, result),
        error = iif(:attempt > coalesce(attempt, 1) AND finished_at IS NOT NULL, NULL, error),
        job_seen_at = iif(:attempt > coalesce(attempt, 1) AND finished_at IS NOT NULL, NULL, job_seen_at),
        finished_at = iif(:attempt > coalesce(attempt, 1), NULL, finished_at)";

/// Registers a run, or renews it, and returns it with a warning for each association that was dropped.
///
/// # Errors
/// Those of the database.
pub fn start(connection: &Connection, run: &StartRun, now: Timestamp) -> Result<Run, StoreError> {
    let mut warnings = Vec::new();
    let mut known = |table, id| known(connection, table, id, &mut warnings);
    let project_id = known(Table::Projects, run.project_id)?;
    let protocol_run_id = known(Table::ProtocolRuns, run.protocol_run_id)?;
    let step_run_id = known(Table::StepRuns, run.step_run_id)?;
    let new_id;
    let run_id = if let Some(run_id) = &run.run_id {
        run_id.as_str()
    } else {
        new_id = Uuid::new_v4().to_string();
        &new_id
    };
    let params = run.params.as_ref().map(to_text);
    let values = named_params! {
        ":run_id": run_id,
        ":job_type": run.job_type,
        ":now": now,
        ":run_kind": run.run_kind,
        ":project_id": project_id,
        ":protocol_run_id": protocol_run_id,
        ":step_run_id": step_run_id,
        ":queue": run.queue,
        ":attempt": run.attempt,
        ":worker_id": run.worker_id,
        ":prompt_version": run.prompt_version,
        ":params": params,
        ":log_path": run.log_path,
    };
    connection.prepare_cached(UPSERT)?.execute(values)?;
    Ok(Run {
        warnings,
        ..super::get(connection, run_id)?
    })
}

fn to_text(params: &Map<String, Value>) -> String {
    serde_json::to_string(params).expect("JSON becomes text")
}

#[derive(Clone, Copy)]
enum Table {
    Projects,
    ProtocolRuns,
    StepRuns,
}

impl Table {
    fn query(self) -> &'static str {
        match self {
            Self::Projects => "SELECT 1 FROM projects WHERE id = ?1",
            Self::ProtocolRuns => "SELECT 1 FROM protocol_runs WHERE id = ?1",
            Self::StepRuns => "SELECT 1 FROM step_runs WHERE id = ?1",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Projects => "project",
            Self::ProtocolRuns => "protocol run",
            Self::StepRuns => "step run",
        }
    }
}

fn known(
    connection: &Connection,
    table: Table,
    id: Option<i64>,
    warnings: &mut Vec<String>,
) -> Result<Option<i64>, StoreError> {
    let Some(id) = id else {
        return Ok(None);
    };
    if connection.prepare_cached(table.query())?.exists([id])? {
        return Ok(Some(id));
    }
    warnings.push(format!(
        "{} {id} does not exist: the run is kept without it",
        table.noun()
    ));
    Ok(None)
}
