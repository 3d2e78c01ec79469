//! `/protocols/{id}/pull_request`: what became of a protocol's pull request.
//!
//! Always so: nothing is opened here; whoever has the repository and the forge's token opens it, and reports.

use axum::Json;
use axum::extract::State;
use millwright_core::protocol::{ProtocolRun, PullRequestReport};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ErrorBody, InvalidBody};
use super::extract::{JsonBody, PathParams};
use super::protocols::ProtocolPath;
use super::state::AppState;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(report_pull_request))
}

/// Keeps a protocol's pull request, with an event. One that failed leaves what is known of an earlier one.
#[utoipa::path(post, path = "/protocols/{protocol_run_id}/pull_request", tag = "protocols", params(ProtocolPath),
    request_body = PullRequestReport, responses(
    (status = 200, body = ProtocolRun),
    (status = 404, body = ErrorBody),
    (status = 422, body = InvalidBody),
))]
async fn report_pull_request(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProtocolPath>,
    JsonBody(report): JsonBody<PullRequestReport>,
) -> Result<Json<ProtocolRun>, ApiError> {
    let protocols = app.work.protocols();
    let kept = protocols.write(move |tables| tables.pull_request(path.protocol_run_id, &report));
    Ok(Json(kept.await?))
}
