//! A run's status where its job has ended and nobody has told.
//!
//! Always so: what the job says is kept, once.

use millwright_core::refs::{JobId, RunStatus};

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
    let end = runs::end_with(status, result);
    app.store
        .write(move |connection| runs::finish_for_job(connection, id, &end))
        .await?;
    Ok(status)
}
