//! What can be asked about jobs.
//!
//! Always so: a job that is not there is [`StoreError::NotFound`], never an empty answer.

use millwright_core::refs::JobId;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::record::{Cancellation, Job, JobState, seq_of};
use crate::store::StoreError;

/// The few things about a job that are asked again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// How far it is.
    pub state: JobState,
    /// Whether it ended well.
    pub success: Option<bool>,
    /// Whether someone wished it to end.
    pub canceled: Option<Cancellation>,
}

/// What a job was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// Its arguments, as JSON text.
    pub args: String,
    /// The steps of a flow, as JSON text.
    pub raw_flow: Option<String>,
}

/// Which jobs are listed. What is `None` does not count.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this workspace.
    pub workspace: Option<String>,
    /// Steps of this job.
    pub parent: Option<JobId>,
    /// Of exactly this path.
    pub path: Option<String>,
    /// Of a path that begins so.
    pub path_start: Option<String>,
    /// Completed ones that ended so.
    pub success: Option<bool>,
    /// Running ones, or not.
    pub running: Option<bool>,
    /// Whether steps of flows are left out.
    pub outermost: bool,
    /// How many at most.
    pub limit: u32,
    /// How many to pass over.
    pub offset: u32,
}

/// A job.
///
/// # Errors
/// [`StoreError::NotFound`], else what the database says.
pub fn get(connection: &Connection, id: JobId) -> Result<Job, StoreError> {
    connection
        .prepare_cached(&format!("SELECT {} FROM jobs WHERE id = ?1", Job::COLUMNS))?
        .query_row([id.to_string()], Job::from_row)
        .optional()?
        .ok_or(StoreError::NotFound("job"))
}

/// How a job stands.
///
/// # Errors
/// [`StoreError::NotFound`], else what the database says.
pub fn status(connection: &Connection, id: JobId) -> Result<Status, StoreError> {
    connection
        .prepare_cached(
            "SELECT state, success, canceled_by, canceled_reason FROM jobs WHERE id = ?1",
        )?
        .query_row([id.to_string()], |row| {
            let by: Option<String> = row.get(2)?;
            let reason: Option<String> = row.get(3)?;
            Ok(Status {
                state: row.get(0)?,
                success: row.get(1)?,
                canceled: by.map(|by| Cancellation {
                    by,
                    reason: reason.unwrap_or_default(),
                }),
            })
        })
        .optional()?
        .ok_or(StoreError::NotFound("job"))
}

/// What a job was given.
///
/// # Errors
/// [`StoreError::NotFound`], else what the database says.
pub fn inputs(connection: &Connection, id: JobId) -> Result<Inputs, StoreError> {
    let seq = seq_of(connection, id)?;
    let inputs = connection
        .prepare_cached(
            "SELECT args, text FROM job_inputs LEFT JOIN job_flows ON job_flows.id = flow WHERE job = ?1",
        )?
        .query_row([seq], |row| {
            Ok(Inputs {
                args: row.get(0)?,
                raw_flow: row.get(1)?,
            })
        })?;
    Ok(inputs)
}

/// Jobs, the newest first, without results and statuses of steps.
///
/// # Errors
/// What the database says.
pub fn list(connection: &Connection, filter: &Filter) -> Result<Vec<Job>, StoreError> {
    let (condition, values) = condition_of(filter);
    let sql = format!(
        "SELECT {} FROM jobs {condition} ORDER BY seq DESC LIMIT {} OFFSET {}",
        Job::LIST_COLUMNS,
        filter.limit,
        filter.offset
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let jobs = statement.query_map(params_from_iter(values), Job::from_row)?;
    Ok(jobs.collect::<Result<_, _>>()?)
}

/// The steps of a job, and theirs, the oldest first, without statuses of steps; with results where they are wanted.
///
/// # Errors
/// What the database says.
pub fn beneath(
    connection: &Connection,
    id: JobId,
    with_results: bool,
) -> Result<Vec<Job>, StoreError> {
    let columns = if with_results {
        Job::RESULT_COLUMNS
    } else {
        Job::LIST_COLUMNS
    };
    let sql = format!(
        "WITH RECURSIVE inside (id) AS (
             SELECT id FROM jobs WHERE parent = ?1
             UNION ALL SELECT jobs.id FROM jobs JOIN inside ON jobs.parent = inside.id
         )
         SELECT {columns} FROM jobs WHERE id IN inside ORDER BY seq"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let jobs = statement.query_map([id.to_string()], Job::from_row)?;
    Ok(jobs.collect::<Result<_, _>>()?)
}

/// The jobs that have not ended, the innermost first, each with the process that runs it.
///
/// # Errors
/// What the database says.
pub fn unfinished(connection: &Connection) -> Result<Vec<(JobId, String)>, StoreError> {
    let mut statement = connection
        .prepare("SELECT id, owner FROM jobs WHERE state <> 'completed' ORDER BY seq DESC")?;
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (id, owner) = row?;
        found.extend(id.parse().map(|id| (id, owner)));
    }
    Ok(found)
}

/// The jobs of an outermost job that have not ended, the innermost first.
///
/// # Errors
/// What the database says.
pub fn unfinished_of(connection: &Connection, root: JobId) -> Result<Vec<JobId>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT id FROM jobs WHERE root = ?1 AND state <> 'completed' ORDER BY seq DESC",
    )?;
    let rows = statement.query_map([root.to_string()], |row| row.get::<_, String>(0))?;
    let ids: Vec<String> = rows.collect::<Result<_, _>>()?;
    Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
}

/// The jobs of a process whose end was wished.
///
/// # Errors
/// What the database says.
pub fn wishes(
    connection: &Connection,
    owner: &str,
) -> Result<Vec<(JobId, Cancellation)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, canceled_by, canceled_reason FROM jobs
         WHERE state <> 'completed' AND owner = ?1 AND canceled_by IS NOT NULL",
    )?;
    let rows = statement.query_map([owner], |row| {
        let wish = Cancellation {
            by: row.get(1)?,
            reason: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
        };
        Ok((row.get::<_, String>(0)?, wish))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (id, wish) = row?;
        found.extend(id.parse().map(|id| (id, wish)));
    }
    Ok(found)
}

fn condition_of(filter: &Filter) -> (String, Vec<String>) {
    let mut parts: Vec<String> = Vec::new();
    let mut values: Vec<String> = Vec::new();
    let mut equal = |column: &str, value: Option<String>| {
        if let Some(value) = value {
            values.push(value);
            parts.push(format!("{column} = ?{}", values.len()));
        }
    };
    equal("workspace", filter.workspace.clone());
    equal("parent", filter.parent.map(|id| id.to_string()));
    equal("path", filter.path.clone());
    if let Some(start) = &filter.path_start {
        values.push(start.clone());
        let number = values.len();
        parts.push(format!("substr(path, 1, length(?{number})) = ?{number}"));
    }
    if let Some(success) = filter.success {
        parts.push(format!("success = {}", u8::from(success)));
    }
    match filter.running {
        Some(true) => parts.push("state = 'running'".to_owned()),
        Some(false) => parts.push("state <> 'running'".to_owned()),
        None => {}
    }
    if filter.outermost {
        parts.push("parent IS NULL".to_owned());
    }
    if parts.is_empty() {
        return (String::new(), values);
    }
    (format!("WHERE {}", parts.join(" AND ")), values)
}
