//! `GET /codex/runs/{run_id}/logs`: the log as it is now.
//!
//! Always so: it is passed on in parts as it is read, so a long log costs no memory.

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use millwright_core::refs::Run;
use serde::Deserialize;

use super::PART;
use super::ansi::Ansi;
use super::follow::{Chunk, Follower, LogError};
use super::source::{Choice, LogSource};
use crate::server::error::{ApiError, ErrorBody};
use crate::server::extract::{PathParams, QueryParams};
use crate::server::runs::RunPath;
use crate::server::state::{App, AppState};

/// Which log.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LogParams {
    /// `flow`: the flow's log, where the run has one; `job`: that of the run's own job; `agent`: what its agent says.
    #[param(inline)]
    source: Option<Choice>,
    /// `strip`: without the codes that colour a terminal.
    #[param(inline)]
    ansi: Option<Ansi>,
}

/// A run's log, up to its present end.
///
/// Of a flow, it is the flow's story: each step's log under a heading with step, job and state. A file that is not there yet
/// is an empty log.
#[utoipa::path(get, path = "/codex/runs/{run_id}/logs", tag = "logs", params(RunPath, LogParams), responses(
    (status = 200, body = String, content_type = "text/plain; charset=utf-8"),
    (status = 404, body = ErrorBody),
    (status = 502, description = "Windmill cannot be reached", body = ErrorBody),
    (status = 503, description = "No Windmill is configured", body = ErrorBody),
))]
pub(super) async fn show_log(
    State(app): State<AppState>,
    PathParams(path): PathParams<RunPath>,
    QueryParams(params): QueryParams<LogParams>,
) -> Result<Response, ApiError> {
    let choice = params.source.unwrap_or_default();
    let source = LogSource::of_run(&app, path.run_id, choice).await?;
    whole(&app, &source, params.ansi.unwrap_or_default()).await
}

/// The log at a path that an artifact of a run names.
///
/// # Errors
/// As [`show_log`] answers.
pub(in crate::server) async fn log_at(
    app: &App,
    run: Run,
    path: String,
) -> Result<Response, ApiError> {
    let source = LogSource::at(app, run, Some(path)).await?;
    whole(app, &source, Ansi::Keep).await
}

async fn whole(app: &App, source: &LogSource, ansi: Ansi) -> Result<Response, ApiError> {
    let mut follower = source.reader(app, 0).await?;
    // What is wrong with the source is told with a status, before anything is sent.
    let first = ansi.read(&mut follower, PART as usize).await?;
    let parts = stream::try_unfold(Some((follower, first)), move |state| async move {
        match state {
            Some((follower, chunk)) if !chunk.is_empty() => {
                next(follower, chunk, ansi).await.map(Some)
            }
            _ => Ok(None),
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, Body::from_stream(parts)).into_response())
}

type Parts = Option<(Follower, Chunk)>;

async fn next(
    mut follower: Follower,
    chunk: Chunk,
    ansi: Ansi,
) -> Result<(String, Parts), LogError> {
    let next = if chunk.eof {
        None
    } else {
        Some(ansi.read(&mut follower, PART as usize).await?)
    };
    Ok((chunk.text, next.map(|next| (follower, next))))
}
