//! `/protocols/{id}/pull_request`: what became of a protocol's pull request.
//!
//! Always so: nothing is opened here; whoever has the repository and the forge's token opens it, and reports. What is kept
//! leads to a page of the web.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use millwright_core::protocol::{ProtocolRun, PullRequestOutcome, PullRequestReport};
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
    refuse_bad(&report)?;
    let protocols = app.work.protocols();
    let kept = protocols.write(move |tables| tables.pull_request(path.protocol_run_id, &report));
    Ok(Json(kept.await?))
}

/// People follow the address: it leads to a page, and nowhere else.
fn refuse_bad(report: &PullRequestReport) -> Result<(), ApiError> {
    let is_page = |url: &str| {
        let page = url.parse::<Uri>().ok();
        page.is_some_and(|page| matches!(page.scheme_str(), Some("http" | "https")))
    };
    if let Some(url) = report.url.as_ref().filter(|url| !is_page(url)) {
        let msg = "a pull request's url begins with https:// or http://";
        return Err(ApiError::invalid_field("url", msg, url.as_str()));
    }
    if let Some(pushed) = report.pushed
        && report.outcome == PullRequestOutcome::Enqueued
    {
        let msg = "who begins to open a pull request has not come to the push yet";
        return Err(ApiError::invalid_field("pushed", msg, pushed));
    }
    if let Some(number) = report.number.filter(|number| *number < 1) {
        let msg = "a pull request's number is 1 or more";
        return Err(ApiError::invalid_field("number", msg, number));
    }
    Ok(())
}
