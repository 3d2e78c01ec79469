//! `GET /codex/runs/{run_id}/artifacts/{artifact_id}/content`: what an artifact refers to.
//!
//! Always so: what is read is a job's resource, or a file below a log root.

use std::path::{Path, PathBuf};

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;
use millwright_core::refs::{JobId, JobRef, Resource, Run};
use serde::{Deserialize, Serialize};
use tokio_util::io::ReaderStream;
use utoipa::ToSchema;

use crate::server::error::{ApiError, ErrorBody, InvalidBody};
use crate::server::extract::{PathParams, QueryParams};
use crate::server::jobs::ANSWER_LIMIT;
use crate::server::logs::{Found, log_at};
use crate::server::state::{App, AppState};
use crate::store::{artifacts, runs};

const TRUNCATED: HeaderName = HeaderName::from_static("x-content-truncated");
const BINARY: &str = "application/octet-stream";

/// The artifact that a path names.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub(super) struct ArtifactPath {
    /// The run's id.
    run_id: String,
    /// The artifact's id.
    artifact_id: i64,
}

/// How much of it.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ContentParams {
    /// At most so many bytes. What is longer is cut off, and the header `x-content-truncated: true` says so. Everything where it is
    /// not said.
    #[param(minimum = 1024, maximum = 16_777_216)]
    max_bytes: Option<u32>,
}

/// The body of a 404 where a job has no such thing, or not yet.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NothingBody {
    /// What is missing, and why.
    detail: String,
    /// The job, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<JobBrief>,
}

/// A job, and how it stands.
#[derive(Debug, Serialize, ToSchema)]
struct JobBrief {
    /// Its id.
    #[schema(value_type = String)]
    id: JobId,
    /// `queued`, `running`, `succeeded`, `skipped`, `failed` or `cancelled`.
    state: &'static str,
}

/// What an artifact refers to.
///
/// A job's result or error is JSON. Before the job's end there is none, and of a job that ended well there is no error: that is a
/// 404 which tells the job's state. A job's log is text, as it is now. A file is what its name says.
#[utoipa::path(get, path = "/codex/runs/{run_id}/artifacts/{artifact_id}/content", tag = "runs",
    params(ArtifactPath, ContentParams), responses(
    (status = 200, description = "The content", body = Object, content_type = "application/json"),
    (status = 404, body = NothingBody),
    (status = 422, body = InvalidBody),
    (status = 502, description = "Windmill cannot be reached", body = ErrorBody),
    (status = 503, description = "No Windmill is configured", body = ErrorBody),
))]
pub(super) async fn show_content(
    State(app): State<AppState>,
    PathParams(path): PathParams<ArtifactPath>,
    QueryParams(params): QueryParams<ContentParams>,
) -> Result<Response, ApiError> {
    let found = app.store.read(move |connection| {
        let artifact = artifacts::get(connection, &path.run_id, path.artifact_id)?;
        Ok((runs::get(connection, &path.run_id)?, artifact))
    });
    let (run, artifact) = found.await?;
    let content = content_of(&app, run, artifact.path).await?;
    match params.max_bytes {
        Some(most) if content.status().is_success() => bounded(content, most as usize).await,
        _ => Ok(content),
    }
}

async fn content_of(app: &App, run: Run, path: String) -> Result<Response, ApiError> {
    if !JobRef::is_meant_by(&path) {
        return file(app, path.into()).await;
    }
    let reference: JobRef = path
        .parse()
        .map_err(|error| ApiError::not_found(format!("{error}")))?;
    match reference.resource {
        Resource::Logs => log_at(app, run, path).await,
        resource => of_job(app, reference.job, resource).await,
    }
}

async fn of_job(app: &App, id: JobId, resource: Resource) -> Result<Response, ApiError> {
    let (server, job) = app.jobs.find(id).await?;
    let state = job.state();
    let word = state.word();
    match resource {
        _ if !state.is_final() => {
            let what = resource.as_str();
            let detail = format!("job {id} is {word}: its {what} is not there yet");
            Ok(nothing(detail, id, word))
        }
        Resource::Error if state.is_success() => {
            let detail = format!("job {id} {word}: it has no error");
            Ok(nothing(detail, id, word))
        }
        Resource::Error => {
            let result = server.result(id, ANSWER_LIMIT).await?.result;
            let error = result.get("error").cloned();
            Ok(Json(error.unwrap_or(result)).into_response())
        }
        _ => {
            let content = server.result_content(id).await?;
            Ok(send(Body::from_stream(content), "application/json"))
        }
    }
}

fn nothing(detail: String, id: JobId, state: &'static str) -> Response {
    let job = Some(JobBrief { id, state });
    (StatusCode::NOT_FOUND, Json(NothingBody { detail, job })).into_response()
}

/// The beginning of an answer. A text ends between two characters.
async fn bounded(answer: Response, most: usize) -> Result<Response, ApiError> {
    let (mut parts, body) = answer.into_parts();
    let mut content = body.into_data_stream();
    let mut bytes = Vec::new();
    while bytes.len() <= most {
        let cut = |error| {
            ApiError::new(
                StatusCode::BAD_GATEWAY,
                format!("the content breaks off: {error}"),
            )
        };
        match content.try_next().await.map_err(cut)? {
            Some(part) => bytes.extend_from_slice(&part),
            None => return Ok((parts, bytes).into_response()),
        }
    }
    let is_inside = |byte: u8| byte & 0xC0 == 0x80;
    let is_text = parts
        .headers
        .get(header::CONTENT_TYPE)
        .is_none_or(|kind| kind != BINARY);
    let mut end = most;
    while is_text && end > 0 && is_inside(bytes[end]) {
        end -= 1;
    }
    bytes.truncate(end);
    parts.headers.remove(header::CONTENT_LENGTH);
    parts
        .headers
        .insert(TRUNCATED, HeaderValue::from_static("true"));
    Ok((parts, bytes).into_response())
}

async fn file(app: &App, path: PathBuf) -> Result<Response, ApiError> {
    let media_type = media_type_of(&path);
    let roots = app.log_roots.clone();
    let opened = tokio::task::spawn_blocking(move || roots.open(&path)).await;
    match opened.map_err(|error| ApiError::Internal(error.to_string()))? {
        Ok(Found::File(file)) => {
            let content = ReaderStream::new(tokio::fs::File::from_std(file));
            Ok(send(Body::from_stream(content), media_type))
        }
        Ok(Found::Nothing) => Err(ApiError::not_found("Artifact's file not found")),
        Ok(Found::Outside) => Err(ApiError::not_found(
            "Artifact's file not found: it is a file that no --log-root allows to read",
        )),
        Err(error) => Err(ApiError::Internal(format!(
            "cannot open an artifact: {error}"
        ))),
    }
}

fn send(content: Body, media_type: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, content).into_response()
}

/// Nothing that a browser would run.
fn media_type_of(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => "application/json",
        Some("txt" | "log" | "md" | "diff" | "patch" | "yaml" | "yml") => {
            "text/plain; charset=utf-8"
        }
        _ => BINARY,
    }
}
