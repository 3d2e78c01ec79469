//! `/protocols/{id}/spec`: a protocol run's spec, shown and taken from whoever made it.
//!
//! Always so: whoever made a spec, it is validated here, and its steps are made in the transaction that keeps it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use millwright_core::protocol::{ProtocolSpecView, SpecError, StepChanges};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ErrorBody};
use super::extract::{JsonBody, PathParams};
use super::protocols::ProtocolPath;
use super::state::AppState;

/// What is said of a spec that waits for answers.
pub(super) const HELD_BACK: &str =
    "the spec is kept: its steps are made when the open questions on planning are answered";

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show_spec, import_spec))
}

/// A spec for a protocol run.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct SpecBody {
    /// The spec, as `schemas/protocol-spec.schema.json` describes it.
    #[schema(value_type = Object)]
    spec: Value,
    /// Where it comes from, in a word, for the record.
    #[schema(max_length = 200)]
    source: Option<String>,
}

/// What became of a spec.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SpecImport {
    /// What is wrong, or what it waits for, in a sentence; absent where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The protocol run.
    protocol_run_id: i64,
    /// The spec's hash.
    spec_hash: String,
    /// `valid` or `invalid`.
    status: &'static str,
    /// Everything that is wrong with it.
    errors: Vec<SpecError>,
    /// What became of the steps.
    steps: StepChanges,
}

/// A protocol run's spec, and what validation found.
#[utoipa::path(get, path = "/protocols/{protocol_run_id}/spec", tag = "protocols", params(ProtocolPath), responses(
    (status = 200, body = ProtocolSpecView),
    (status = 404, body = ErrorBody),
))]
async fn show_spec(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProtocolPath>,
) -> Result<Json<ProtocolSpecView>, ApiError> {
    let protocols = app.work.protocols();
    let found = protocols.read(move |tables| tables.protocol_spec(path.protocol_run_id));
    Ok(Json(found.await?))
}

/// Takes a spec: validates it, keeps it, and brings the protocol run's steps to what it says.
///
/// Steps that have run keep their rows. An invalid spec is answered with everything that is wrong with it; it is kept,
/// and blocks the protocol, where that has no valid one, and changes nothing where it has. While open questions hold
/// planning back, a valid spec is kept and blocks a protocol that has not begun, which is planned by it when they are
/// answered.
#[utoipa::path(post, path = "/protocols/{protocol_run_id}/spec", tag = "protocols", params(ProtocolPath),
    request_body = SpecBody, responses(
    (status = 200, body = SpecImport),
    (status = 404, body = ErrorBody),
    (status = 409, description = "The protocol has ended, or it has begun and questions on planning are open", body = ErrorBody),
    (status = 422, description = "The spec is invalid", body = SpecImport),
))]
async fn import_spec(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProtocolPath>,
    JsonBody(body): JsonBody<SpecBody>,
) -> Result<(StatusCode, Json<SpecImport>), ApiError> {
    let id = path.protocol_run_id;
    let imported = app.work.import_spec(id, body.spec, body.source).await?;
    let (code, status) = if imported.errors.is_empty() {
        (StatusCode::OK, "valid")
    } else {
        (StatusCode::UNPROCESSABLE_ENTITY, "invalid")
    };
    let sentences: Vec<String> = imported.errors.iter().map(ToString::to_string).collect();
    let wrong = !sentences.is_empty();
    let answer = SpecImport {
        detail: match (wrong, imported.is_held_back) {
            (true, _) => Some(format!("the spec is invalid: {}", sentences.join("; "))),
            (_, true) => Some(HELD_BACK.to_owned()),
            _ => None,
        },
        protocol_run_id: id,
        spec_hash: imported.spec_hash,
        status,
        errors: imported.errors,
        steps: imported.steps,
    };
    Ok((code, Json(answer)))
}
