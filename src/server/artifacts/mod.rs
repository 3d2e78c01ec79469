//! `/codex/runs/{run_id}/artifacts`: what a run left behind, by reference.
//!
//! Always so: a run has one artifact of a name, and it keeps its id.

mod content;

use axum::Json;
use axum::extract::State;
use millwright_core::refs::{Artifact, UpsertArtifact};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ErrorBody, InvalidBody};
use super::extract::{JsonBody, PathParams, QueryParams};
use super::runs::{RunPath, normalise};
use super::state::AppState;
use crate::store::{Timestamp, artifacts};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(upsert_artifact))
        .routes(routes!(list_artifacts))
        .routes(routes!(content::show_content))
}

/// Which artifacts.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ArtifactFilter {
    /// Of this kind, such as `log`, `result` or `error`.
    kind: Option<String>,
}

/// Registers an artifact.
///
/// A run has one of a name: registering it again keeps its id, and, as long as the path is the same, its hash and size.
#[utoipa::path(post, path = "/codex/runs/{run_id}/artifacts/upsert", tag = "runs", params(RunPath),
    request_body = UpsertArtifact, responses(
    (status = 200, body = Artifact),
    (status = 404, body = ErrorBody),
    (status = 422, body = InvalidBody),
))]
async fn upsert_artifact(
    State(app): State<AppState>,
    PathParams(path): PathParams<RunPath>,
    JsonBody(mut artifact): JsonBody<UpsertArtifact>,
) -> Result<Json<Artifact>, ApiError> {
    normalise("path", &mut artifact.path)?;
    if let Some(sha256) = &mut artifact.sha256 {
        if !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let msg = "a SHA-256 is 64 hexadecimal digits";
            return Err(ApiError::invalid_field("sha256", msg, sha256.as_str()));
        }
        sha256.make_ascii_lowercase();
    }
    let written = app.store.write_row(move |connection| {
        artifacts::upsert(connection, &path.run_id, &artifact, Timestamp::now())
    });
    Ok(Json(written.await?))
}

/// A run's artifacts, newest first.
#[utoipa::path(get, path = "/codex/runs/{run_id}/artifacts", tag = "runs", params(RunPath, ArtifactFilter), responses(
    (status = 200, body = Vec<Artifact>),
    (status = 404, body = ErrorBody),
))]
async fn list_artifacts(
    State(app): State<AppState>,
    PathParams(path): PathParams<RunPath>,
    QueryParams(filter): QueryParams<ArtifactFilter>,
) -> Result<Json<Vec<Artifact>>, ApiError> {
    let found = app
        .store
        .read(move |connection| artifacts::list(connection, &path.run_id, filter.kind.as_deref()));
    Ok(Json(found.await?))
}
