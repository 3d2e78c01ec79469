//! What happens to a job.
//!
//! Always so: each function is called inside one write, so that a job and what follows from its change are kept
//! together or not at all.

use millwright_core::refs::{JobId, RunStatus};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::record::{Cancellation, JobKind, JobState};
use super::{append_log, query};
use crate::store::{StoreError, Timestamp, runs};

/// A job to be put in the table.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// Its workspace.
    pub workspace: String,
    /// What it runs.
    pub kind: JobKind,
    /// Whether it waits or runs at once.
    pub state: JobState,
    /// The flow, round or branch that it is a step of.
    pub parent: Option<JobId>,
    /// The outermost job; its own id where there is none.
    pub root: JobId,
    /// The step's id in its flow.
    pub step_id: Option<String>,
    /// The path of what it runs.
    pub path: Option<String>,
    /// A hash of what it runs.
    pub script_hash: Option<String>,
    /// The script's language.
    pub language: Option<String>,
    /// Who starts it.
    pub created_by: String,
    /// The process that runs it.
    pub owner: String,
    /// Its arguments, as JSON text.
    pub args: String,
    /// The steps of a flow, as JSON text.
    pub raw_flow: Option<String>,
    /// How its steps stand, as JSON text.
    pub flow_status: Option<String>,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Whether it ended well.
    pub success: bool,
    /// Whether it was passed over.
    pub skipped: bool,
    /// Its result, as JSON text.
    pub result: String,
    /// How its steps stand, as JSON text.
    pub flow_status: Option<String>,
    /// What is still to be added to its log.
    pub log: String,
}

/// What came of a wish to cancel a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelAnswer {
    /// It is noted; whoever runs the job ends it.
    Noted,
    /// The job had ended.
    AlreadyCompleted,
}

/// Puts a job in the table.
///
/// # Errors
/// What the database says.
pub fn insert(connection: &Connection, job: &NewJob) -> Result<(), StoreError> {
    let now = Timestamp::now();
    let started = (job.state != JobState::Queued).then_some(now);
    let seq: i64 = connection
        .prepare_cached(
            "INSERT INTO jobs (id, workspace, kind, state, parent, root, step_id, path, script_hash, language,
                 created_by, owner, created_at, started_at, flow_status)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) RETURNING seq",
        )?
        .query_row(
            params![
                job.id.to_string(),
                job.workspace,
                job.kind,
                job.state,
                job.parent.map(|id| id.to_string()),
                job.root.to_string(),
                job.step_id,
                job.path,
                job.script_hash,
                job.language,
                job.created_by,
                job.owner,
                now,
                started,
                job.flow_status,
            ],
            |row| row.get(0),
        )?;
    let flow = match &job.raw_flow {
        Some(text) => Some(flow_text(connection, text)?),
        None => None,
    };
    connection
        .prepare_cached("INSERT INTO job_inputs (job, args, flow) VALUES (?1, ?2, ?3)")?
        .execute(params![seq, job.args, flow])?;
    Ok(())
}

/// A queued job begins.
///
/// # Errors
/// [`StoreError::Conflict`] where it does not wait any more, else what the database says.
pub fn start(connection: &Connection, id: JobId) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached(
            "UPDATE jobs SET state = 'running', started_at = ?2 WHERE id = ?1 AND state = 'queued'",
        )?
        .execute(params![id.to_string(), Timestamp::now()])?;
    match changed {
        0 => Err(StoreError::Conflict(format!("job {id} is not queued"))),
        _ => Ok(()),
    }
}

/// A flow's inputs are now what its preprocessor made of them.
///
/// # Errors
/// What the database says.
pub fn set_preprocessed(connection: &Connection, id: JobId, args: &str) -> Result<(), StoreError> {
    let seq: i64 = connection
        .prepare_cached("UPDATE jobs SET preprocessed = 1 WHERE id = ?1 RETURNING seq")?
        .query_row([id.to_string()], |row| row.get(0))?;
    connection
        .prepare_cached("UPDATE job_inputs SET args = ?2 WHERE job = ?1")?
        .execute(params![seq, args])?;
    Ok(())
}

/// Notes how a flow's steps stand.
///
/// # Errors
/// What the database says.
pub fn set_flow_status(connection: &Connection, id: JobId, status: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE jobs SET flow_status = ?2 WHERE id = ?1 AND state <> 'completed'")?
        .execute(params![id.to_string(), status])?;
    Ok(())
}

/// A job ends, and with it the runs that follow it. Nothing happens where it had ended before.
///
/// # Errors
/// What the database says.
pub fn complete(
    connection: &Connection,
    id: JobId,
    completion: &Completion,
) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached(
            "UPDATE jobs SET state = 'completed', completed_at = ?2, success = ?3, skipped = ?4, result = ?5,
                 flow_status = coalesce(?6, flow_status)
             WHERE id = ?1 AND state <> 'completed'",
        )?
        .execute(params![
            id.to_string(),
            Timestamp::now(),
            completion.success,
            completion.skipped,
            completion.result,
            completion.flow_status,
        ])?;
    if changed == 1 {
        append_log(connection, id, &completion.log)?;
        finish_runs(connection, id, completion)?;
    }
    Ok(())
}

/// Notes the wish that a job ends.
///
/// # Errors
/// [`StoreError::NotFound`], else what the database says.
pub fn cancel(
    connection: &Connection,
    id: JobId,
    cancellation: &Cancellation,
) -> Result<CancelAnswer, StoreError> {
    if query::status(connection, id)?.state == JobState::Completed {
        return Ok(CancelAnswer::AlreadyCompleted);
    }
    connection
        .prepare_cached(
            "UPDATE jobs SET canceled_by = coalesce(canceled_by, ?2), canceled_reason = coalesce(canceled_reason, ?3)
             WHERE id = ?1",
        )?
        .execute(params![
            id.to_string(),
            cancellation.by,
            cancellation.reason
        ])?;
    Ok(CancelAnswer::Noted)
}

/// The result of a job that nobody runs any more.
pub fn abandoned_result(reason: &str) -> Value {
    json!({"error": {"name": "ExecutionErr", "message": reason}})
}

/// A job that has not ended is another process's from now on.
///
/// # Errors
/// What the database says.
pub fn adopt(connection: &Connection, id: JobId, owner: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE jobs SET owner = ?2 WHERE id = ?1 AND state <> 'completed'")?
        .execute(params![id.to_string(), owner])?;
    Ok(())
}

/// Ends a job that nobody runs any more: it failed, and says why.
///
/// # Errors
/// What the database says.
pub fn abandon(connection: &Connection, id: JobId, reason: &str) -> Result<(), StoreError> {
    let result = abandoned_result(reason);
    let completion = Completion {
        success: false,
        skipped: false,
        result: result.to_string(),
        flow_status: None,
        log: format!("\n{reason}\n"),
    };
    complete(connection, id, &completion)
}

/// Tells the runs that follow a job how it ended.
fn finish_runs(
    connection: &Connection,
    id: JobId,
    completion: &Completion,
) -> Result<(), StoreError> {
    let result: Value = serde_json::from_str(&completion.result).unwrap_or_default();
    let canceled = query::status(connection, id)?.canceled.is_some();
    let status = match (completion.success, canceled) {
        (true, _) => RunStatus::Succeeded,
        (false, true) => RunStatus::Cancelled,
        (false, false) => RunStatus::Failed,
    };
    let end = runs::JobEnd {
        status,
        result,
        started_at: None,
        ended_at: Timestamp::now(),
    };
    runs::finish_for_job(connection, id, &end)?;
    Ok(())
}

fn flow_text(connection: &Connection, text: &str) -> Result<i64, StoreError> {
    let hash = Sha256::digest(text.as_bytes());
    let hash = hash.as_slice();
    let known = connection
        .prepare_cached("SELECT id FROM job_flows WHERE sha256 = ?1")?
        .query_row([hash], |row| row.get(0))
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    let id = connection
        .prepare_cached("INSERT INTO job_flows (sha256, text) VALUES (?1, ?2) RETURNING id")?
        .query_row(params![hash, text], |row| row.get(0))?;
    Ok(id)
}
