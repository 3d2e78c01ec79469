//! `GET /dist/millwright-step/{sha256}`: the step executable, for workers whose image does not carry it.
//!
//! Always so: what is sent has the hash that was asked for, and the script that asked checks it again.

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio_util::io::ReaderStream;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ErrorBody, InvalidBody};
use super::extract::PathParams;
use super::state::AppState;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(send_executable))
}

/// The executable that a path names.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
struct ExecutablePath {
    /// The SHA-256 of its content, 64 hexadecimal digits in lower case.
    sha256: String,
}

/// Sends the step executable of this content: the one beside the server, or one in the folder of `--dist`.
#[utoipa::path(get, path = "/dist/millwright-step/{sha256}", tag = "workers", params(ExecutablePath), responses(
    (status = 200, description = "The executable", body = Vec<u8>, content_type = "application/octet-stream"),
    (status = 404, body = ErrorBody),
    (status = 422, body = InvalidBody),
))]
async fn send_executable(
    State(app): State<AppState>,
    PathParams(path): PathParams<ExecutablePath>,
) -> Result<Response, ApiError> {
    let sha256 = path.sha256;
    let is_hash = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if sha256.len() != 64 || !sha256.bytes().all(is_hash) {
        let msg = "a SHA-256 is 64 hexadecimal digits in lower case";
        return Err(ApiError::invalid_field("sha256", msg, sha256.as_str()));
    }
    let name = format!("\"{sha256}\"");
    let shared = app.clone();
    let looked = tokio::task::spawn_blocking(move || shared.executables.find(&sha256)).await;
    let file = looked.map_err(|error| ApiError::Internal(error.to_string()))?;
    let file = file.ok_or_else(|| {
        ApiError::not_found(
            "this server has no millwright-step of that content: deploy again from its version, or put that executable \
             into the folder of --dist",
        )
    })?;
    let length = file.metadata().map_or(0, |about| about.len());
    let content = ReaderStream::new(tokio::fs::File::from_std(file));
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::ETAG, name),
    ];
    Ok((headers, Body::from_stream(content)).into_response())
}
