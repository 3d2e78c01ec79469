//! A run's status where its job has ended and nobody has told.
//!
//! Always so: what the job says is kept, once.

use millwright_core::refs::{FinishRun, JobId, RunStatus};

use super::error::ApiError;
use super::jobs::JobServer;
use super::state::App;
use crate::store::runs;

/// Asks how a job ended, finishes the runs that follow it, and returns how such a run stands.
///
/// # Errors
/// What asking for the job says.
pub(super) async fn settle(
    app: &App,
    server: &JobServer,
    id: JobId,
) -> Result<RunStatus, ApiError> {
    let job = server.job(id).await?;
    let status = job.state().run_status();
    if !status.is_final() {
        return Ok(status);
    }
    let result = server.result(id).await?.result;
    let error = match (status, result.get("error")) {
        (RunStatus::Succeeded, _) | (_, None) => None,
        (_, Some(error)) => Some(error.clone()),
    };
    let end = FinishRun {
        status,
        result: Some(result)
            .filter(|result| !result.is_null())
            .filter(|_| error.is_none()),
        error,
        cost_tokens: None,
        cost_cents: None,
    };
    app.store
        .write(move |connection| runs::finish_for_job(connection, id, &end))
        .await?;
    Ok(status)
}
