//! Runs that end because the job that they follow has ended.
//!
//! Always so: a run follows its flow's job where that is registered, else the job that its log is of, else that of its artifacts.

use std::collections::BTreeMap;

use millwright_core::refs::{FinishRun, JobId, JobRef, Resource, Run, RunStatus, UpsertArtifact};
use rusqlite::{Connection, OptionalExtension, named_params};
use serde_json::Value;

use super::copy::bounded;
use super::finish::{Times, close};
use crate::store::{StoreError, Timestamp, artifacts};

/// The reference to the job that a row of `codex_runs AS run` follows.
macro_rules! followed {
    () => {
        "coalesce(
            (SELECT path FROM run_artifacts WHERE run_id = run.run_id AND name = 'windmill.flow.result'),
            (SELECT path FROM run_artifacts WHERE run_id = run.run_id AND name = 'windmill.flow.logs'),
            (SELECT path FROM run_artifacts WHERE run_id = run.run_id AND name = 'windmill.flow.error'),
            iif(run.log_path GLOB 'windmill:*', run.log_path, NULL),
            (SELECT path FROM run_artifacts WHERE run_id = run.run_id AND name = 'windmill.logs'),
            (SELECT path FROM run_artifacts WHERE run_id = run.run_id AND name = 'windmill.result'),
            (SELECT path FROM run_artifacts WHERE run_id = run.run_id AND name = 'windmill.error'))"
    };
}

const FOLLOWED: &str = concat!(
    "SELECT ",
    followed!(),
    " FROM codex_runs AS run WHERE run_id = ?1"
);

/// While a flow's emit step has not registered the flow yet, its own end says nothing about the run. A run that was opened
/// again names the job of the attempt before until it is told the new one.
const FOLLOWERS: &str = concat!(
    "SELECT run.run_id, ",
    followed!(),
    " FROM codex_runs AS run
      WHERE run.finished_at IS NULL
        AND (coalesce(run.attempt, 1) = 1 OR run.started_at <= :ended)
        AND NOT EXISTS (SELECT 1 FROM jobs WHERE id = :job AND step_id = 'tgz_emit_refs')
        AND run.run_id IN (
            SELECT run_id FROM codex_runs WHERE log_path = :logs AND finished_at IS NULL
            UNION ALL
            SELECT run_id FROM run_artifacts WHERE path IN (:logs, :result, :error))"
);

/// Those of the mill are closed as their job ends.
const OPEN: &str = concat!(
    "SELECT path, since, is_seen FROM (
        SELECT ",
    followed!(),
    " AS path, coalesce(run.started_at, run.created_at) AS since,
               run.job_seen_at IS NOT NULL AS is_seen
          FROM codex_runs AS run INDEXED BY codex_runs_open_log WHERE run.finished_at IS NULL)
      WHERE path GLOB 'windmill://job/*' AND NOT EXISTS (SELECT 1 FROM jobs WHERE id = substr(path, 16, 36))"
);

/// A job that unfinished runs follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenJob {
    /// When the newest of its runs began.
    pub since: Timestamp,
    /// Whether Windmill has told of it before.
    pub is_seen: bool,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq)]
pub struct JobEnd {
    /// What becomes of the runs that follow it.
    pub status: RunStatus,
    /// Its result, whole.
    pub result: Value,
    /// When it began, where it did and that is known.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Timestamp,
}

impl JobEnd {
    /// Of a job that did not end well, the result's `error`, or, where it has none, the whole result is the run's error.
    fn to_finish(&self) -> FinishRun {
        let some = |value: &Value| Some(bounded(value)).filter(|value| !value.is_null());
        let is_good = self.status == RunStatus::Succeeded;
        let error = self.result.get("error").unwrap_or(&self.result);
        FinishRun {
            status: self.status,
            result: is_good.then(|| some(&self.result)).flatten(),
            error: (!is_good).then(|| some(error)).flatten(),
            cost_tokens: None,
            cost_cents: None,
        }
    }
}

/// Finishes every unfinished run that follows a job which has ended, and returns their ids.
///
/// # Errors
/// Those of the database.
pub fn finish_for_job(
    connection: &Connection,
    job: JobId,
    end: &JobEnd,
) -> Result<Vec<String>, StoreError> {
    let followers = followers(connection, job, end.ended_at)?;
    if followers.is_empty() {
        return Ok(followers);
    }
    let finish = end.to_finish();
    let times = Times {
        now: Timestamp::now(),
        started_at: end.started_at,
        finished_at: end.ended_at,
    };
    for run_id in &followers {
        close(connection, run_id, &finish, times, Some(job))?;
    }
    Ok(followers)
}

/// Has the unfinished runs of a flow's emit step follow the flow, where that step ended before it could say so.
///
/// # Errors
/// Those of the database.
pub fn follow_flow(connection: &Connection, emit: JobId, flow: JobId) -> Result<(), StoreError> {
    let now = Timestamp::now();
    for run_id in followers(connection, emit, now)? {
        for resource in Resource::ALL {
            let artifact = UpsertArtifact::of_job("windmill.flow", flow, resource);
            artifacts::upsert(connection, &run_id, &artifact, now)?;
        }
    }
    Ok(())
}

/// The job whose end is the end of an unfinished run.
///
/// # Errors
/// Those of the database.
pub fn followed_job(connection: &Connection, run: &Run) -> Result<Option<JobId>, StoreError> {
    if run.status.is_final() {
        return Ok(None);
    }
    let path: Option<Option<String>> = connection
        .prepare_cached(FOLLOWED)?
        .query_row([&run.run_id], |row| row.get(0))
        .optional()?;
    Ok(path.flatten().and_then(|path| job_of(&path)))
}

/// Notes that Windmill has told of these jobs.
///
/// # Errors
/// Those of the database.
pub fn note_seen(connection: &Connection, jobs: &[JobId]) -> Result<(), StoreError> {
    let now = Timestamp::now();
    let query = "UPDATE codex_runs SET job_seen_at = ?2 WHERE run_id = ?1 AND job_seen_at IS NULL";
    for job in jobs {
        for run_id in followers(connection, *job, now)? {
            connection.prepare_cached(query)?.execute((run_id, now))?;
        }
    }
    Ok(())
}

/// The jobs that unfinished runs follow and that the mill does not know.
///
/// # Errors
/// Those of the database.
pub fn open_jobs(connection: &Connection) -> Result<BTreeMap<JobId, OpenJob>, StoreError> {
    let mut statement = connection.prepare_cached(OPEN)?;
    let rows = statement.query_map([], |row| {
        let (since, is_seen) = (row.get(1)?, row.get(2)?);
        Ok((row.get::<_, String>(0)?, OpenJob { since, is_seen }))
    })?;
    let mut open = BTreeMap::new();
    for row in rows {
        let (path, by_run) = row?;
        if let Some(job) = job_of(&path) {
            let known = open.entry(job).or_insert(by_run);
            known.since = by_run.since.max(known.since);
            known.is_seen |= by_run.is_seen;
        }
    }
    Ok(open)
}

fn followers(
    connection: &Connection,
    job: JobId,
    ended_at: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let [logs, result, error] = Resource::ALL.map(|resource| job.reference(resource).to_string());
    let values = named_params! {
        ":job": job.to_string(), ":ended": ended_at, ":logs": logs, ":result": result, ":error": error,
    };
    let mut statement = connection.prepare_cached(FOLLOWERS)?;
    let rows = statement.query_map(values, |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?))
    })?;
    let mut followers = Vec::new();
    for row in rows {
        let (run_id, path) = row?;
        if path.and_then(|path| job_of(&path)) == Some(job) {
            followers.push(run_id);
        }
    }
    Ok(followers)
}

fn job_of(path: &str) -> Option<JobId> {
    path.parse::<JobRef>().ok().map(|reference| reference.job)
}
