//! Listing runs, page by page.
//!
//! Always so: newest first, and a page that begins after a run neither skips nor repeats one while others arrive.

use millwright_core::refs::{JobId, Run, RunStatus};
use rusqlite::{Connection, OptionalExtension, ToSql};
use serde::Deserialize;
use utoipa::IntoParams;

use super::row;
use crate::store::StoreError;
use crate::store::conditions::{as_sql, narrow};

/// Which runs, and how many.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct RunFilter {
    /// Of this kind of job.
    pub job_type: Option<String>,
    /// For this.
    pub run_kind: Option<String>,
    /// That stand like this.
    #[param(inline)]
    pub status: Option<RunStatus>,
    /// Of this project.
    pub project_id: Option<i64>,
    /// Of this protocol run.
    pub protocol_run_id: Option<i64>,
    /// Of this step run.
    pub step_run_id: Option<i64>,
    /// With an artifact that refers to this job: its id.
    #[param(value_type = Option<String>)]
    pub job: Option<JobId>,
    /// The last run of the page before: its `run_id`.
    pub after: Option<String>,
    /// How many at most; 100 where it is not said.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
}

const LIMIT: u32 = 100;
const OF_JOB: &str =
    "run_id IN (SELECT run_id FROM run_artifacts, (SELECT 'windmill://job/' || ? AS job)
     WHERE path IN (job || '/logs', job || '/result', job || '/error'))";

/// The runs that pass, newest first.
///
/// # Errors
/// [`StoreError::Missing`] where `after` names no run.
pub fn list(connection: &Connection, filter: &RunFilter) -> Result<Vec<Run>, StoreError> {
    let after = filter
        .after
        .as_deref()
        .map(|after| seq_of(connection, after))
        .transpose()?;
    let status = filter.status.map(RunStatus::as_str);
    let limit = filter.limit.unwrap_or(LIMIT);
    let job = filter.job.map(|job| job.to_string());
    let conditions: [(&str, Option<&dyn ToSql>); 8] = [
        ("job_type = ?", filter.job_type.as_ref().map(as_sql)),
        ("run_kind = ?", filter.run_kind.as_ref().map(as_sql)),
        ("status = ?", status.as_ref().map(as_sql)),
        ("project_id = ?", filter.project_id.as_ref().map(as_sql)),
        (
            "protocol_run_id = ?",
            filter.protocol_run_id.as_ref().map(as_sql),
        ),
        ("step_run_id = ?", filter.step_run_id.as_ref().map(as_sql)),
        (OF_JOB, job.as_ref().map(as_sql)),
        ("seq < ?", after.as_ref().map(as_sql)),
    ];
    let mut query = format!("SELECT {} FROM codex_runs WHERE true", row::columns!());
    let mut values = narrow(&mut query, &conditions);
    values.push(&limit);
    query.push_str(" ORDER BY seq DESC LIMIT ?");
    let mut statement = connection.prepare_cached(&query)?;
    let runs = statement.query_map(values.as_slice(), row::read)?;
    Ok(runs.collect::<Result<_, _>>()?)
}

fn seq_of(connection: &Connection, run_id: &str) -> Result<i64, StoreError> {
    connection
        .prepare_cached("SELECT seq FROM codex_runs WHERE run_id = ?1")?
        .query_row([run_id], |row| row.get(0))
        .optional()?
        .ok_or_else(|| StoreError::Missing(format!("after: there is no run {run_id:?}")))
}
