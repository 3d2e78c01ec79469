//! `/codex/runs`: registering, reading, listing and finishing runs.
//!
//! Always so: a run's fields are those of [`Run`]; what is kept and what changes is the store's to say.

use axum::Json;
use axum::extract::State;
use millwright_core::refs::{FinishRun, JobId, JobRef, Run, StartRun};
use rusqlite::Connection;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ErrorBody, InvalidBody};
use super::extract::{JsonBody, PathParams, QueryParams};
use super::settle::settle;
use super::state::AppState;
use crate::store::jobs::{self, JobState};
use crate::store::runs::{self, RunFilter};
use crate::store::{StoreError, Timestamp, artifacts};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(start_run))
        .routes(routes!(list_runs))
        .routes(routes!(show_run))
        .routes(routes!(finish_run))
}

/// The run that a path names.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub(super) struct RunPath {
    /// The run's id.
    pub(super) run_id: String,
}

/// Registers a run, or renews one.
///
/// What is not sent keeps its value. An association that does not exist is dropped and named in `warnings`. A run that has
/// finished stays so, unless `attempt` is higher than before: then it runs again.
#[utoipa::path(post, path = "/codex/runs/start", tag = "runs", request_body = StartRun, responses(
    (status = 200, body = Run),
    (status = 422, body = InvalidBody),
))]
async fn start_run(
    State(app): State<AppState>,
    JsonBody(run): JsonBody<StartRun>,
) -> Result<Json<Run>, ApiError> {
    let started = app
        .store
        .write(move |connection| runs::start(connection, &run, Timestamp::now()));
    Ok(Json(started.await?))
}

/// Runs, newest first.
///
/// The next page begins after the last run of this one: `after=<its run_id>`. Runs that arrive meanwhile shift nothing.
#[utoipa::path(get, path = "/codex/runs", tag = "runs", params(RunFilter), responses(
    (status = 200, body = Vec<Run>),
    (status = 422, body = InvalidBody),
))]
async fn list_runs(
    State(app): State<AppState>,
    QueryParams(filter): QueryParams<RunFilter>,
) -> Result<Json<Vec<Run>>, ApiError> {
    let found = app
        .store
        .read(move |connection| runs::list(connection, &filter));
    Ok(Json(found.await?))
}

/// One run.
///
/// Of a run that follows a job of the mill, the status is asked of that job.
#[utoipa::path(get, path = "/codex/runs/{run_id}", tag = "runs", params(RunPath), responses(
    (status = 200, body = Run),
    (status = 404, body = ErrorBody),
))]
async fn show_run(
    State(app): State<AppState>,
    PathParams(path): PathParams<RunPath>,
) -> Result<Json<Run>, ApiError> {
    let run_id = path.run_id.clone();
    let found = app.store.read(move |connection| {
        let run = runs::get(connection, &path.run_id)?;
        let ended = ended_job(connection, &run)?;
        Ok((run, ended))
    });
    let (run, ended) = found.await?;
    let Some(job) = ended else {
        return Ok(Json(run));
    };
    settle(&app, app.jobs.mill(), job).await?;
    let settled = app
        .store
        .read(move |connection| runs::get(connection, &run_id));
    Ok(Json(settled.await?))
}

/// The mill's job that an unfinished run follows, where it has ended and the run does not know yet.
fn ended_job(connection: &Connection, run: &Run) -> Result<Option<JobId>, StoreError> {
    if run.status.is_final() {
        return Ok(None);
    }
    let path = artifacts::path_of(connection, &run.run_id, "windmill.flow.result")?;
    let Some(job) = path.and_then(|path| path.parse::<JobRef>().ok()) else {
        return Ok(None);
    };
    match jobs::status(connection, job.job) {
        Ok(status) => Ok((status.state == JobState::Completed).then_some(job.job)),
        Err(StoreError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Finishes a run.
///
/// Telling the same end twice changes nothing but what was missing; another end is a 409, since the first end counts.
#[utoipa::path(post, path = "/codex/runs/{run_id}/finish", tag = "runs", params(RunPath), request_body = FinishRun, responses(
    (status = 200, body = Run),
    (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody),
    (status = 422, body = InvalidBody),
))]
async fn finish_run(
    State(app): State<AppState>,
    PathParams(path): PathParams<RunPath>,
    JsonBody(end): JsonBody<FinishRun>,
) -> Result<Json<Run>, ApiError> {
    if !end.status.is_final() {
        return Err(ApiError::invalid_field(
            "status",
            "a run ends as 'succeeded', 'failed' or 'cancelled'",
            end.status.as_str(),
        ));
    }
    let finished = app
        .store
        .write(move |connection| runs::finish(connection, &path.run_id, &end, Timestamp::now()));
    Ok(Json(finished.await?))
}
