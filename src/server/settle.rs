//! A run's status where its job has ended and nobody has told.
//!
//! Always so: what the job says is kept, once.

use millwright_core::refs::{JobId, RunStatus};

use super::error::ApiError;
use super::jobs::{JobError, JobServer};
use super::state::App;
use crate::store::runs::{self, JobEnd};
use crate::store::{StoreError, Timestamp};
use crate::windmill::Job;

/// Of a longer result a run keeps no copy: several are read at once, and a run keeps much less.
const RESULT_LIMIT: usize = 4 * 1024 * 1024;

/// Why it is not known whether a job has ended, or its end is not kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum SettleError {
    /// The job cannot be read.
    #[error(transparent)]
    Job(#[from] JobError),
    /// What it says cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SettleError> for ApiError {
    fn from(error: SettleError) -> Self {
        match error {
            SettleError::Job(error) => error.into(),
            SettleError::Store(error) => error.into(),
        }
    }
}

/// What came of asking.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settled {
    /// How a run that follows the job stands.
    pub(super) status: RunStatus,
    /// How many runs were finished.
    pub(super) closed: usize,
}

/// Finishes the runs that follow a job, wherever it runs, if it has ended.
///
/// # Errors
/// What asking for the job says.
pub(super) async fn settle_anywhere(app: &App, id: JobId) -> Result<Settled, SettleError> {
    let (server, job) = app.jobs.find(id).await?;
    settle_as(app, &server, id, &job).await
}

/// Asks how a job ended, and finishes the runs that follow it.
///
/// # Errors
/// What asking for the job says.
pub(super) async fn settle(
    app: &App,
    server: &JobServer,
    id: JobId,
) -> Result<Settled, SettleError> {
    let job = server.job(id).await?;
    settle_as(app, server, id, &job).await
}

async fn settle_as(
    app: &App,
    server: &JobServer,
    id: JobId,
    job: &Job,
) -> Result<Settled, SettleError> {
    let status = job.state().run_status();
    let left = Settled { status, closed: 0 };
    if !status.is_final() {
        return Ok(left);
    }
    if job.emits_references() {
        if let (Some(flow), false) = (job.parent, server.is_mill()) {
            // It came to its end without naming its flow: the API was away then.
            let follow = move |connection: &_| runs::follow_flow(connection, id, flow);
            app.store.write(follow).await?;
        }
        return Ok(left);
    }
    let result = match server.result(id, RESULT_LIMIT).await {
        Ok(result) => result.result,
        Err(JobError::TooLong(_)) => runs::too_long(),
        // The job was there a moment ago: that it is gone is for its next look to say.
        Err(JobError::NotFound(_)) => {
            let problem = "a job that has ended, and no result of it".to_owned();
            return Err(JobError::BadAnswer(problem).into());
        }
        Err(error) => return Err(error.into()),
    };
    let moment = |at: jiff::Timestamp| Timestamp(at.as_microsecond());
    let end = JobEnd {
        status,
        result,
        started_at: job.started_at.map(moment),
        ended_at: job.completed_at.map_or_else(Timestamp::now, moment),
    };
    let finish = move |connection: &_| runs::finish_for_job(connection, id, &end);
    let closed = app.store.write(finish).await?.len();
    Ok(Settled { status, closed })
}
