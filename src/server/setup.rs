//! `/projects/{id}/setup`: what workers did to set a project up.
//!
//! Always so: the protocol that stands for the setup is moved here, by what is reported and by the questions that are open.

use axum::Json;
use axum::extract::State;
use millwright_core::protocol::{ProtocolRun, SetupReport};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ErrorBody, InvalidBody};
use super::extract::{JsonBody, PathParams};
use super::projects::ProjectPath;
use super::state::AppState;

/// So many events are in a report at most.
const MOST_EVENTS: usize = 100;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(report_setup))
}

/// Keeps what a worker did for a project's setup, as events of the protocol that stands for it, which is given back.
/// A finished setup is completed, or, where the server is told to, waits for the answers to the project's questions.
#[utoipa::path(post, path = "/projects/{project_id}/setup", tag = "projects", params(ProjectPath),
    request_body = SetupReport, responses(
    (status = 200, body = ProtocolRun),
    (status = 404, body = ErrorBody),
    (status = 422, body = InvalidBody),
))]
async fn report_setup(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProjectPath>,
    JsonBody(report): JsonBody<SetupReport>,
) -> Result<Json<ProtocolRun>, ApiError> {
    refuse_bad(&report)?;
    let waits = app.work.setup_waits_for_answers();
    let kept = app
        .work
        .protocols()
        .write(move |tables| tables.report_setup(path.project_id, &report, waits));
    Ok(Json(kept.await?))
}

fn refuse_bad(report: &SetupReport) -> Result<(), ApiError> {
    if report.events.len() > MOST_EVENTS {
        let msg = "a report has at most 100 events";
        return Err(ApiError::invalid_field("events", msg, report.events.len()));
    }
    let refused =
        |(field, problem): (String, String)| ApiError::invalid_field(&field, problem, "***");
    report.check().map_err(refused)
}
