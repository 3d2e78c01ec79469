//! What jobs and steps yielded.
//!
//! Always so: there is a result only of what has ended.

use millwright_core::refs::JobId;
use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;

use super::query;
use crate::store::StoreError;

/// The result of a job that has ended, and whether it ended well.
///
/// # Errors
/// What the database says.
pub fn result_of(connection: &Connection, job: JobId) -> Result<Option<(Value, bool)>, StoreError> {
    let found = connection
        .prepare_cached("SELECT result, success FROM jobs WHERE id = ?1 AND state = 'completed'")?
        .query_row([job.to_string()], |row| {
            Ok((row.get::<_, Option<String>>(0)?, row.get(1)?))
        })
        .optional()?;
    Ok(found.map(|(text, success)| {
        let result = text.and_then(|text| serde_json::from_str(&text).ok());
        (result.unwrap_or_default(), success)
    }))
}

/// The result of a flow's step that has ended, and whether it ended well; of a loop or of all branches the list of theirs.
///
/// # Errors
/// [`StoreError::NotFound`] where there is no such flow, else what the database says.
pub fn result_of_step(
    connection: &Connection,
    flow: JobId,
    step_id: &str,
) -> Result<Option<(Value, bool)>, StoreError> {
    let status = query::get(connection, flow)?
        .flow_status
        .unwrap_or_default();
    let status: Value = serde_json::from_str(&status).unwrap_or_default();
    let steps = status["modules"].as_array().into_iter().flatten();
    let Some(step) = steps.into_iter().find(|step| step["id"] == step_id) else {
        return Ok(None);
    };
    let success = step["type"] == "Success";
    if !success && step["type"] != "Failure" {
        return Ok(None);
    }
    let of = |job: &Value| match job.as_str().and_then(|job| job.parse().ok()) {
        Some(job) => Ok(result_of(connection, job)?.map(|(result, _)| result)),
        None => Ok::<_, StoreError>(None),
    };
    let Some(rounds) = step["flow_jobs"].as_array() else {
        return Ok(of(&step["job"])?.map(|result| (result, success)));
    };
    let results: Result<Vec<Value>, StoreError> = rounds
        .iter()
        .map(|job| Ok(of(job)?.unwrap_or_default()))
        .collect();
    Ok(Some((results?.into(), success)))
}
