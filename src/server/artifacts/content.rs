//! `GET /codex/runs/{run_id}/artifacts/{artifact_id}/content`: what an artifact refers to.
//!
//! Always so: what is read is a job's resource, or a file below a log root.

use std::fs::File;
use std::path::{Path, PathBuf};

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use millwright_core::refs::{JobId, JobRef, Resource};
use serde::Deserialize;
use tokio_util::io::ReaderStream;

use crate::server::error::{ApiError, ErrorBody};
use crate::server::extract::PathParams;
use crate::server::logs::{Found, log_at};
use crate::server::state::{App, AppState};
use crate::store::{artifacts, runs};

/// The artifact that a path names.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub(super) struct ArtifactPath {
    /// The run's id.
    run_id: String,
    /// The artifact's id.
    artifact_id: i64,
}

/// What an artifact refers to.
///
/// A job's result or error is JSON; before the job's end it is a 409, and the error of a job that succeeded is a 404. A job's
/// log is text, as it is now. A file is what its name says.
#[utoipa::path(get, path = "/codex/runs/{run_id}/artifacts/{artifact_id}/content", tag = "runs", params(ArtifactPath), responses(
    (status = 200, description = "The content", body = Object, content_type = "application/json"),
    (status = 404, body = ErrorBody),
    (status = 409, description = "The job has not finished", body = ErrorBody),
    (status = 502, description = "Windmill cannot be reached", body = ErrorBody),
    (status = 503, description = "No Windmill is configured", body = ErrorBody),
))]
pub(super) async fn show_content(
    State(app): State<AppState>,
    PathParams(path): PathParams<ArtifactPath>,
) -> Result<Response, ApiError> {
    let found = app.store.read(move |connection| {
        let artifact = artifacts::get(connection, &path.run_id, path.artifact_id)?;
        Ok((runs::get(connection, &path.run_id)?, artifact))
    });
    let (run, artifact) = found.await?;
    if !JobRef::is_meant_by(&artifact.path) {
        return file(&app, artifact.path.into()).await;
    }
    let reference: JobRef = artifact
        .path
        .parse()
        .map_err(|error| ApiError::not_found(format!("{error}")))?;
    match reference.resource {
        Resource::Logs => log_at(&app, run, artifact.path).await,
        resource => result(&app, reference.job, resource).await,
    }
}

async fn result(app: &App, id: JobId, resource: Resource) -> Result<Response, ApiError> {
    let (server, job) = app.jobs.find(id).await?;
    if !job.state().is_final() {
        return Err(ApiError::conflict(format!(
            "job {id} has not finished: its {} is not there yet",
            resource.as_str()
        )));
    }
    let outcome = server.result(id).await?;
    let content = match (resource, outcome.success) {
        (Resource::Error, Some(true)) => {
            return Err(ApiError::not_found(format!(
                "job {id} succeeded: it has no error"
            )));
        }
        (Resource::Error, _) => outcome
            .result
            .get("error")
            .cloned()
            .unwrap_or(outcome.result),
        _ => outcome.result,
    };
    Ok(Json(content).into_response())
}

async fn file(app: &App, path: PathBuf) -> Result<Response, ApiError> {
    let media_type = media_type_of(&path);
    let roots = app.log_roots.clone();
    let opened = tokio::task::spawn_blocking(move || roots.open(&path)).await;
    match opened.map_err(|error| ApiError::Internal(error.to_string()))? {
        Ok(Found::File(file)) => Ok(send(file, media_type)),
        Ok(Found::Nothing) => Err(ApiError::not_found("Artifact's file not found")),
        Ok(Found::Outside) => Err(ApiError::not_found(
            "Artifact's file not found: it is a file that no --log-root allows to read",
        )),
        Err(error) => Err(ApiError::Internal(format!(
            "cannot open an artifact: {error}"
        ))),
    }
}

fn send(file: File, media_type: &'static str) -> Response {
    let content = ReaderStream::new(tokio::fs::File::from_std(file));
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (StatusCode::OK, headers, Body::from_stream(content)).into_response()
}

/// Nothing that a browser would run.
fn media_type_of(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => "application/json",
        Some("txt" | "log" | "md" | "diff" | "patch" | "yaml" | "yml") => {
            "text/plain; charset=utf-8"
        }
        _ => "application/octet-stream",
    }
}
