//! `/steps`: step runs, claims on them, and work on them in a worker.
//!
//! Always so: whoever works shows a claim, and a claim that no longer holds is a 409.

use axum::Json;
use axum::extract::State;
use millwright_core::protocol::{Begun, Claim, Kind, Report, StepRun};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::error::{ApiError, ErrorBody, InvalidBody};
use super::extract::{JsonBody, OptionalJsonBody, PathParams, QueryParams};
use super::state::AppState;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_steps))
        .routes(routes!(show_step))
        .routes(routes!(claim_step))
        .routes(routes!(renew_claim))
        .routes(routes!(begin_step))
        .routes(routes!(report_step))
        .routes(routes!(retry_step))
        .routes(routes!(approve_step))
        .routes(routes!(skip_step))
        .routes(routes!(assign_agent))
}

/// The step run that a path names.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub(super) struct StepPath {
    /// The step run's id.
    pub(super) step_run_id: i64,
}

/// Which step runs.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct StepQuery {
    /// Those of a protocol run.
    protocol_run_id: i64,
}

/// Who claims a step.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct ClaimBody {
    /// The same holder gets the same claim until it has used it. A new holder when absent.
    #[schema(min_length = 1, max_length = 200)]
    holder: Option<String>,
}

/// A claim that is shown.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct ShownClaim {
    /// The claim.
    claim: String,
}

/// Work that is to begin.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct BeginBody {
    /// The claim on the step; without one the step is claimed for as long as the work lasts.
    claim: Option<String>,
    /// Which half of the work.
    kind: Kind,
}

/// What the holder of a claim has to report.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct ReportBody {
    /// The claim.
    claim: String,
    /// What happened.
    report: Report,
}

/// The agent that is to work on a step.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct AgentBody {
    /// The agent's id.
    #[schema(min_length = 1, max_length = 200)]
    agent_id: String,
}

/// The step runs of a protocol run, by index.
#[utoipa::path(get, path = "/steps", tag = "steps", params(StepQuery), responses(
    (status = 200, body = Vec<StepRun>),
    (status = 404, body = ErrorBody),
    (status = 422, body = InvalidBody),
))]
async fn list_steps(
    State(app): State<AppState>,
    QueryParams(query): QueryParams<StepQuery>,
) -> Result<Json<Vec<StepRun>>, ApiError> {
    let protocols = app.work.protocols();
    let found = protocols.read(move |tables| tables.steps_of(query.protocol_run_id));
    Ok(Json(found.await?))
}

/// One step run.
#[utoipa::path(get, path = "/steps/{step_run_id}", tag = "steps", params(StepPath), responses(
    (status = 200, body = StepRun),
    (status = 404, body = ErrorBody),
))]
async fn show_step(
    State(app): State<AppState>,
    PathParams(path): PathParams<StepPath>,
) -> Result<Json<StepRun>, ApiError> {
    let protocols = app.work.protocols();
    let found = protocols.read(move |tables| tables.step(path.step_run_id));
    Ok(Json(found.await?))
}

/// Claims one step.
#[utoipa::path(post, path = "/steps/{step_run_id}/claim", tag = "steps", params(StepPath), request_body = ClaimBody, responses(
    (status = 200, body = Claim),
    (status = 404, body = ErrorBody),
    (status = 409, description = "Another holds it, or it cannot be worked on", body = ErrorBody),
))]
async fn claim_step(
    State(app): State<AppState>,
    PathParams(path): PathParams<StepPath>,
    OptionalJsonBody(body): OptionalJsonBody<ClaimBody>,
) -> Result<Json<Claim>, ApiError> {
    let holder = body.holder.unwrap_or_else(|| Uuid::new_v4().to_string());
    let protocols = app.work.protocols();
    let claimed = protocols.write(move |tables| tables.claim_step(path.step_run_id, &holder));
    Ok(Json(claimed.await?))
}

/// Makes a claim last longer.
#[utoipa::path(post, path = "/steps/{step_run_id}/claim/renew", tag = "steps", params(StepPath), request_body = ShownClaim, responses(
    (status = 200, body = Claim),
    (status = 404, body = ErrorBody),
    (status = 409, description = "The claim does not hold the step any more", body = ErrorBody),
))]
async fn renew_claim(
    State(app): State<AppState>,
    PathParams(path): PathParams<StepPath>,
    JsonBody(body): JsonBody<ShownClaim>,
) -> Result<Json<Claim>, ApiError> {
    let protocols = app.work.protocols();
    let renewed = protocols.write(move |tables| tables.renew(path.step_run_id, &body.claim));
    Ok(Json(renewed.await?))
}

/// Begins work on a step in the caller's hands, and says all that it takes.
#[utoipa::path(post, path = "/steps/{step_run_id}/actions/begin", tag = "steps", params(StepPath), request_body = BeginBody, responses(
    (status = 200, body = Begun),
    (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody),
))]
async fn begin_step(
    State(app): State<AppState>,
    PathParams(path): PathParams<StepPath>,
    JsonBody(body): JsonBody<BeginBody>,
) -> Result<Json<Begun>, ApiError> {
    let begun = app.work.begin(path.step_run_id, body.kind, body.claim);
    Ok(Json(begun.await?))
}

/// Reports on work in the caller's hands. What follows from it is decided here.
#[utoipa::path(post, path = "/steps/{step_run_id}/actions/report", tag = "steps", params(StepPath), request_body = ReportBody, responses(
    (status = 200, body = StepRun),
    (status = 404, body = ErrorBody),
    (status = 409, description = "The claim does not hold the step any more", body = ErrorBody),
))]
async fn report_step(
    State(app): State<AppState>,
    PathParams(path): PathParams<StepPath>,
    JsonBody(body): JsonBody<ReportBody>,
) -> Result<Json<StepRun>, ApiError> {
    let reported = app.work.report(path.step_run_id, body.claim, body.report);
    Ok(Json(reported.await?))
}

/// Makes a step that failed or is blocked ready again. Its protocol, if it is blocked, goes on.
#[utoipa::path(post, path = "/steps/{step_run_id}/actions/retry", tag = "steps", params(StepPath), responses(
    (status = 200, body = StepRun),
    (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody),
))]
async fn retry_step(
    State(app): State<AppState>,
    PathParams(path): PathParams<StepPath>,
) -> Result<Json<StepRun>, ApiError> {
    let protocols = app.work.protocols();
    let ready = protocols.write(move |tables| tables.retry(path.step_run_id));
    Ok(Json(ready.await?))
}

/// Takes a step as done that is not under way, whatever came of it.
#[utoipa::path(post, path = "/steps/{step_run_id}/actions/approve", tag = "steps", params(StepPath), responses(
    (status = 200, body = StepRun),
    (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody),
))]
async fn approve_step(
    State(app): State<AppState>,
    PathParams(path): PathParams<StepPath>,
) -> Result<Json<StepRun>, ApiError> {
    let protocols = app.work.protocols();
    let approved = protocols.write(move |tables| tables.approve(path.step_run_id));
    let step = approved.await?;
    app.work.tidy(step.protocol_run_id);
    Ok(Json(step))
}

/// Has a step passed over that is not under way: the others go on as if it were done.
#[utoipa::path(post, path = "/steps/{step_run_id}/actions/skip", tag = "steps", params(StepPath), responses(
    (status = 200, body = StepRun),
    (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody),
))]
async fn skip_step(
    State(app): State<AppState>,
    PathParams(path): PathParams<StepPath>,
) -> Result<Json<StepRun>, ApiError> {
    let protocols = app.work.protocols();
    let skipped = protocols.write(move |tables| tables.skip(path.step_run_id));
    let step = skipped.await?;
    app.work.tidy(step.protocol_run_id);
    Ok(Json(step))
}

/// Gives a step to an agent.
#[utoipa::path(post, path = "/steps/{step_run_id}/actions/assign_agent", tag = "steps", params(StepPath), request_body = AgentBody, responses(
    (status = 200, body = StepRun),
    (status = 404, body = ErrorBody),
    (status = 422, body = InvalidBody),
))]
async fn assign_agent(
    State(app): State<AppState>,
    PathParams(path): PathParams<StepPath>,
    JsonBody(body): JsonBody<AgentBody>,
) -> Result<Json<StepRun>, ApiError> {
    let protocols = app.work.protocols();
    let assigned =
        protocols.write(move |tables| tables.assign_agent(path.step_run_id, &body.agent_id));
    Ok(Json(assigned.await?))
}
