//! What a step records on the project that it worked for.
//!
//! Always so: without a project nothing is asked of the API.

use serde_json::Value;

use super::StepError;
use crate::client::Client;
use crate::host::Host;

/// Changes a project's fields, when a project is named.
///
/// # Errors
/// When the API does not take them.
pub(super) async fn record(
    host: &impl Host,
    project: Option<i64>,
    fields: &Value,
) -> Result<(), StepError> {
    let Some(project) = named(project) else {
        return Ok(());
    };
    Client::protocols(host)?
        .update_project(project, fields)
        .await?;
    Ok(())
}

/// The project, when one is named. Flows pass 0 where their caller named none.
pub(super) fn named(project: Option<i64>) -> Option<i64> {
    project.filter(|id| *id != 0)
}
