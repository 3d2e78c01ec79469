//! What people answer to flows that wait for them.
//!
//! Always so: an answer is on record before it is heard, and nobody gives the same one twice.

use millwright_core::refs::JobId;
use rusqlite::{Connection, Row, params};
use serde_json::Value;

use super::query;
use crate::store::{StoreError, Timestamp};

/// What someone answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// The job of the step after which the flow waits, or the flow's own.
    pub job: JobId,
    /// The flow, round or branch that waits.
    pub flow: JobId,
    /// Which of the answers to this job it is: each number once.
    pub resume_id: u32,
    /// What was said beside yes or no, as JSON text.
    pub value: String,
    /// Who.
    pub approver: Option<String>,
    /// Whether it is a yes.
    pub approved: bool,
}

/// A flow that waits for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The flow, round or branch.
    pub flow: JobId,
    /// The job of the step after which it waits.
    pub job: JobId,
    /// The id of that step, where the flow's status says it.
    pub step_id: Option<String>,
}

/// Puts an answer on record.
///
/// # Errors
/// [`StoreError::Conflict`] where this answer has been given, else what the database says.
pub fn resume(connection: &Connection, resume: &Resume) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached(
            "INSERT INTO job_resumes (job, flow, resume_id, value, approver, approved, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (job, resume_id) DO NOTHING",
        )?
        .execute(params![
            resume.job.to_string(),
            resume.flow.to_string(),
            resume.resume_id,
            resume.value,
            resume.approver,
            resume.approved,
            Timestamp::now(),
        ])?;
    match changed {
        0 => Err(StoreError::Conflict(
            "resume request already sent".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// The answers to a step's job and to its flow, the first given first.
///
/// # Errors
/// What the database says.
pub fn resumes(
    connection: &Connection,
    job: JobId,
    flow: JobId,
) -> Result<Vec<Resume>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT job, resume_id, value, approver, approved FROM job_resumes
         WHERE job IN (?1, ?2) ORDER BY seq",
    )?;
    let rows = statement.query_map([job.to_string(), flow.to_string()], |row| {
        Ok(Resume {
            job: if row.get::<_, String>(0)? == job.to_string() {
                job
            } else {
                flow
            },
            flow,
            resume_id: row.get(1)?,
            value: row.get(2)?,
            approver: row.get(3)?,
            approved: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The number of the newest answer of all; it grows with each.
///
/// # Errors
/// What the database says.
pub fn newest_resume(connection: &Connection) -> Result<i64, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT coalesce(max(seq), 0) FROM job_resumes")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// The flow that an answer to this job is for: the flow that it is a step of, and of an outermost job that flow itself.
///
/// # Errors
/// [`StoreError::NotFound`] where there is no such job, or its flow has ended; else what the database says.
pub fn flow_to_resume(connection: &Connection, job: JobId) -> Result<JobId, StoreError> {
    let found = query::get(connection, job)?;
    let own = found.kind.is_flow().then_some(job);
    let flow = found.parent.or(own);
    let flow = flow.ok_or(StoreError::NotFound("flow of this job"))?;
    match query::status(connection, flow)?.state {
        super::JobState::Completed => Err(StoreError::NotFound("flow of this job that still runs")),
        _ => Ok(flow),
    }
}

/// The flows that wait: this one, the one that this job is a step of, and those inside of it.
///
/// # Errors
/// What the database says.
pub fn waiting_at(connection: &Connection, job: JobId) -> Result<Vec<Waiting>, StoreError> {
    let mut statement = connection.prepare(
        "WITH RECURSIVE inside (id) AS (
             SELECT ?1 UNION SELECT jobs.id FROM jobs JOIN inside ON jobs.parent = inside.id)
         SELECT id, flow_status FROM jobs
         WHERE state = 'running' AND flow_status IS NOT NULL
             AND (id IN inside OR id = (SELECT parent FROM jobs WHERE id = ?1))
         ORDER BY seq",
    )?;
    let rows = statement.query_map([job.to_string()], of_row)?;
    let found: Vec<Option<Waiting>> = rows.collect::<Result<_, _>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// How many more people have to agree before a flow with this status goes on; nothing where it does not wait.
///
/// # Errors
/// What the database says.
pub fn still_required(
    connection: &Connection,
    flow: JobId,
    status: Option<&str>,
) -> Result<u64, StoreError> {
    // Most flows wait for nobody, and their status need not be read for that.
    let status = status.filter(|status| status.contains("WaitingForEvents"));
    let status: Value = status
        .and_then(|status| serde_json::from_str(status).ok())
        .unwrap_or_default();
    let Some(waiting) = waiting_of(flow, &status) else {
        return Ok(0);
    };
    let given = resumes(connection, waiting.job, flow)?.len() as u64;
    let step = usize::try_from(status["step"].as_u64().unwrap_or(0)).unwrap_or(0);
    let count = status["modules"][step]["count"].as_u64().unwrap_or(0);
    Ok(count.saturating_sub(given))
}

/// What signs a workspace's addresses for answers. It is made when it is first asked for.
///
/// # Errors
/// What the database says.
pub fn workspace_key(
    connection: &Connection,
    workspace: &str,
    fresh: &str,
) -> Result<String, StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO workspace_keys (workspace, key) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        )?
        .execute([workspace, fresh])?;
    let mut statement =
        connection.prepare_cached("SELECT key FROM workspace_keys WHERE workspace = ?1")?;
    Ok(statement.query_row([workspace], |row| row.get(0))?)
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<Option<Waiting>> {
    let (id, status): (String, String) = (row.get(0)?, row.get(1)?);
    let status: Value = serde_json::from_str(&status).unwrap_or_default();
    Ok(id.parse().ok().and_then(|flow| waiting_of(flow, &status)))
}

/// What a flow's status says of whom it waits for.
fn waiting_of(flow: JobId, status: &Value) -> Option<Waiting> {
    let step = usize::try_from(status["step"].as_u64()?).ok()?;
    let now = &status["modules"][step];
    let job = (now["type"] == "WaitingForEvents").then(|| now["job"].as_str())??;
    let before = &status["modules"][step.checked_sub(1)?]["id"];
    Some(Waiting {
        flow,
        job: job.parse().ok()?,
        step_id: before.as_str().map(str::to_owned),
    })
}
