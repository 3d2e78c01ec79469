//! A run's status where its job has ended and nobody has told.
//!
//! Always so: what the job says is kept, once.

use millwright_core::refs::{JobId, Run, RunStatus};

use super::error::ApiError;
use super::jobs::{Job, JobServer};
use super::state::App;
use crate::store::runs;

/// Finishes a run whose job has ended. The job must be one that [`runs::followed_job`] names.
///
/// # Errors
/// What asking for the job says.
pub(super) async fn settle_run(app: &App, run: &Run, id: JobId) -> Result<(), ApiError> {
    let (server, job) = app.jobs.find(id).await?;
    if job.state().is_final() && !is_of_an_earlier_attempt(run, &job) {
        settle(app, &server, id).await?;
    }
    Ok(())
}

/// A run that was opened again names the job of the attempt before until it is told the new one.
fn is_of_an_earlier_attempt(run: &Run, job: &Job) -> bool {
    let begun = run.started_at.as_deref();
    let begun = begun.and_then(|begun| begun.parse::<jiff::Timestamp>().ok());
    run.attempt > Some(1) && job.completed_at < begun
}

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
    if !status.is_final() || job.emits_references() {
        return Ok(status);
    }
    let result = server.result(id).await?.result;
    let end = runs::end_with(status, result);
    app.store
        .write(move |connection| runs::finish_for_job(connection, id, &end))
        .await?;
    Ok(status)
}
