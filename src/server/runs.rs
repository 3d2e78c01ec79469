//! `/codex/runs`: registering, reading, listing and finishing runs.
//!
//! Always so: a run's fields are those of [`Run`]; what is kept and what changes is the store's to say.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use millwright_core::refs::{FinishRun, JobId, JobRef, RefError, Run, StartRun};
use rusqlite::Connection;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ErrorBody, InvalidBody};
use super::extract::{JsonBody, PathParams, QueryParams};
use super::settle::{settle, settle_anywhere};
use super::state::{App, AppState};
use crate::store::jobs::{self, JobState};
use crate::store::runs::{self, RunFilter};
use crate::store::{StoreError, Timestamp};

/// How long whoever asks for a run waits for Windmill.
const ASKING: Duration = Duration::from_secs(2);

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
    JsonBody(mut run): JsonBody<StartRun>,
) -> Result<Json<Run>, ApiError> {
    if let Some(log_path) = &mut run.log_path {
        normalise("log_path", log_path)?;
    }
    let started = app.store.write_row(move |connection| {
        let run = runs::start(connection, &run, Timestamp::now())?;
        let ended = ended_job(connection, &run)?;
        Ok((run, ended))
    });
    let (run, ended) = started.await?;
    let Some(job) = ended else {
        return Ok(Json(run));
    };
    settle(&app, app.jobs.mill(), job).await?;
    let Run {
        run_id, warnings, ..
    } = run;
    let settled = get(&app, &run_id)?;
    Ok(Json(Run {
        warnings,
        ..settled
    }))
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
/// Of a run that has not ended, the job that it follows is asked, in the mill or in Windmill; where that does not answer soon,
/// the run is told as it is known.
#[utoipa::path(get, path = "/codex/runs/{run_id}", tag = "runs", params(RunPath), responses(
    (status = 200, body = Run),
    (status = 404, body = ErrorBody),
))]
async fn show_run(
    State(app): State<AppState>,
    PathParams(path): PathParams<RunPath>,
) -> Result<Json<Run>, ApiError> {
    let windmill_may_know = app.jobs.has_windmill();
    let (run, job) = app.store.look_up(|connection| {
        let run = runs::get(connection, &path.run_id)?;
        let Some(job) = runs::followed_job(connection, &run)? else {
            return Ok((run, None));
        };
        let may_have_ended = match state_in_mill(connection, job)? {
            Some(state) => state == JobState::Completed,
            None => windmill_may_know,
        };
        Ok((run, may_have_ended.then_some(job)))
    })?;
    let Some(job) = job else {
        return Ok(Json(run));
    };
    match tokio::time::timeout(ASKING, settle_anywhere(&app, job)).await {
        Ok(Ok(_)) => Ok(Json(get(&app, &run.run_id)?)),
        Ok(Err(error)) => {
            tracing::debug!(?error, %job, "cannot ask how the job of a run stands");
            Ok(Json(run))
        }
        Err(_) => Ok(Json(run)),
    }
}

fn get(app: &App, run_id: &str) -> Result<Run, StoreError> {
    app.store
        .look_up(|connection| runs::get(connection, run_id))
}

/// The mill's job that a new run follows, where it has ended already. A run that was opened again may still name the job of
/// the attempt before.
fn ended_job(connection: &Connection, run: &Run) -> Result<Option<JobId>, StoreError> {
    if run.attempt > Some(1) {
        return Ok(None);
    }
    let Some(job) = runs::followed_job(connection, run)? else {
        return Ok(None);
    };
    let state = state_in_mill(connection, job)?;
    Ok(state
        .filter(|state| *state == JobState::Completed)
        .map(|_| job))
}

/// How far a job is, where the mill knows it.
fn state_in_mill(connection: &Connection, job: JobId) -> Result<Option<JobState>, StoreError> {
    match jobs::status(connection, job) {
        Ok(status) => Ok(Some(status.state)),
        Err(StoreError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a reference to a job as [`JobRef`] does, so that the same job is always the same text.
///
/// # Errors
/// 422 that names the field, where a text is meant as such a reference and is none.
pub(super) fn normalise(field: &str, path: &mut String) -> Result<(), ApiError> {
    if JobRef::is_meant_by(path) {
        let reference = path.parse::<JobRef>();
        let wrong =
            |error: RefError| ApiError::invalid_field(field, error.to_string(), path.as_str());
        *path = reference.map_err(wrong)?.to_string();
    }
    Ok(())
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
