//! `POST /codex/runs/{run_id}/logs`: what a run's agent says, in parts, as the worker hands it over.
//!
//! Always so: what is kept is never changed; a part continues it, or is there already.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::StatusCode;
use millwright_core::refs::{AGENT_LOG, LogAppended, UpsertArtifact};
use serde::Deserialize;

use crate::server::error::{ApiError, ErrorBody, InvalidBody};
use crate::server::extract::{PathParams, QueryParams};
use crate::server::runs::RunPath;
use crate::server::state::{App, AppState};
use crate::store::{Timestamp, artifacts, runs};

/// The largest part.
const PART: usize = 256 * 1024;
/// So many bytes are kept of one run's log.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Where a part begins.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AppendParams {
    /// How many bytes of the log come before the part; 0 where it is not said.
    #[serde(default)]
    #[param(minimum = 0)]
    offset: Option<u64>,
}

/// Adds a part to the log of a run's agent.
///
/// What is kept already is not written twice, so a part may be sent again; an empty part tells how far the log is. The log is
/// the run's artifact `agent.log`, and `?source=agent` of its log routes. A part has at most 256 KiB, a log 64 MiB.
#[utoipa::path(post, path = "/codex/runs/{run_id}/logs", tag = "logs", params(RunPath, AppendParams),
    request_body(content = String, content_type = "text/plain"), responses(
    (status = 200, body = LogAppended),
    (status = 404, body = ErrorBody),
    (status = 409, description = "There is a gap before `offset`", body = ErrorBody),
    (status = 413, description = "The part or the log is too large", body = ErrorBody),
    (status = 422, body = InvalidBody),
    (status = 507, description = "The disk is full", body = ErrorBody),
))]
pub(super) async fn append_log(
    State(app): State<AppState>,
    PathParams(path): PathParams<RunPath>,
    QueryParams(params): QueryParams<AppendParams>,
    body: Body,
) -> Result<Json<LogAppended>, ApiError> {
    let run = app
        .store
        .look_up(|connection| runs::get(connection, &path.run_id))?;
    let too_large = |_| {
        let detail = "a part of a log has at most 262144 bytes: send it in smaller parts";
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    let part = to_bytes(body, PART).await.map_err(too_large)?;
    let offset = params.offset.unwrap_or_default();
    let appended = tokio::task::spawn_blocking(move || append(&app, run.run_id, offset, &part));
    let appended = appended
        .await
        .map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(Json(appended?))
}

/// Writes the file, then its size: both while nobody else does, in this process or another.
fn append(app: &App, run_id: String, offset: u64, part: &Bytes) -> Result<LogAppended, ApiError> {
    let folder =
        std::path::absolute(app.work.logs()).unwrap_or_else(|_| app.work.logs().to_owned());
    // A run's id is safe as a file's name.
    let path = folder.join("runs").join(format!("{run_id}.log"));
    let failed = |error: io::Error| cannot_write(&path, &error);
    let file = open(&path).map_err(failed)?;
    file.lock().map_err(failed)?;
    let kept = file.metadata().map_err(failed)?.len();
    let next_offset = continued(kept, offset, part.len() as u64)?;
    if next_offset > kept {
        let new = usize::try_from(next_offset - kept).unwrap_or(part.len());
        let written = file.write_all_at(&part[part.len() - new..], kept);
        // A half-written part would be taken for a whole one.
        written
            .inspect_err(|_| drop(file.set_len(kept)))
            .map_err(failed)?;
    }
    let artifact = UpsertArtifact {
        name: AGENT_LOG.to_owned(),
        kind: "log".to_owned(),
        path: path.display().to_string(),
        sha256: None,
        bytes: i64::try_from(next_offset).ok(),
    };
    let of_run = run_id.clone();
    app.store.write_blocking(move |connection| {
        artifacts::upsert(connection, &of_run, &artifact, Timestamp::now())
    })?;
    Ok(LogAppended {
        run_id,
        next_offset,
    })
}

fn open(path: &Path) -> io::Result<File> {
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    let mut options = File::options();
    options.write(true).create(true).truncate(false).open(path)
}

/// The log's length with a part in it.
fn continued(kept: u64, offset: u64, length: u64) -> Result<u64, ApiError> {
    if offset > kept {
        return Err(ApiError::conflict(format!(
            "the log has {kept} bytes: what comes before offset {offset} is missing; go on at {kept}"
        )));
    }
    let end = offset.saturating_add(length).max(kept);
    if end > LONGEST {
        let detail = format!("the log would be longer than {LONGEST} bytes: it takes no more");
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    Ok(end)
}

fn cannot_write(path: &Path, error: &io::Error) -> ApiError {
    let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
    if full.contains(&error.kind()) {
        return crate::store::StoreError::Full.into();
    }
    ApiError::Internal(format!("cannot write {}: {error}", path.display()))
}
