//! Work in the server: execute or check a step, wait for the end, stop it.
//!
//! Always so: beginning answers at once with 202; the same claim begins the same execution, however often.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use millwright_core::protocol::{Execution, ExecutionStarted, Gate, Kind};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ErrorBody, InvalidBody};
use super::extract::{OptionalJsonBody, PathParams, QueryParams};
use super::state::AppState;
use super::steps::StepPath;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(execute_step))
        .routes(routes!(check_step))
        .routes(routes!(show_execution))
        .routes(routes!(cancel_execution))
}

/// The execution that a path names.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
struct ExecutionPath {
    /// The execution's id.
    execution_id: String,
}

/// How long to wait.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct WaitQuery {
    /// Answer when the execution has ended, or after so many seconds; at once when absent.
    #[param(minimum = 0, maximum = 60)]
    wait: Option<u32>,
}

/// Under which claim a step is executed.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct ExecuteBody {
    /// The claim on the step; without one the step is claimed for as long as the execution lasts.
    claim: Option<String>,
}

/// Under which claim a step is checked, and by what.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct CheckBody {
    /// The claim on the step; without one the step is claimed for as long as the check lasts.
    claim: Option<String>,
    /// The gates to run: `lint`, `type`, `test`. Those that the project configures when absent.
    gates: Option<Vec<String>>,
}

/// Executes a step in the background.
#[utoipa::path(post, path = "/steps/{step_run_id}/actions/execute", tag = "steps", params(StepPath), request_body = ExecuteBody, responses(
    (status = 202, body = ExecutionStarted),
    (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody),
))]
async fn execute_step(
    State(app): State<AppState>,
    PathParams(path): PathParams<StepPath>,
    OptionalJsonBody(body): OptionalJsonBody<ExecuteBody>,
) -> Result<(StatusCode, Json<ExecutionStarted>), ApiError> {
    let begun = app
        .work
        .execute(path.step_run_id, Kind::Execute, body.claim, None);
    Ok((StatusCode::ACCEPTED, Json(begun.await?)))
}

/// Checks an executed step in the background. A verdict of `failed` is a result; only a check that broke off fails.
#[utoipa::path(post, path = "/steps/{step_run_id}/actions/qa", tag = "steps", params(StepPath), request_body = CheckBody, responses(
    (status = 202, body = ExecutionStarted),
    (status = 400, description = "An unknown gate", body = ErrorBody),
    (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody),
    (status = 422, body = InvalidBody),
))]
async fn check_step(
    State(app): State<AppState>,
    PathParams(path): PathParams<StepPath>,
    OptionalJsonBody(body): OptionalJsonBody<CheckBody>,
) -> Result<(StatusCode, Json<ExecutionStarted>), ApiError> {
    let gates = body.gates.map(known_gates).transpose()?;
    let begun = app
        .work
        .execute(path.step_run_id, Kind::Qa, body.claim, gates);
    Ok((StatusCode::ACCEPTED, Json(begun.await?)))
}

/// An execution; with `wait`, once it has ended or the time is over.
#[utoipa::path(get, path = "/executions/{execution_id}", tag = "steps", params(ExecutionPath, WaitQuery), responses(
    (status = 200, body = Execution),
    (status = 404, body = ErrorBody),
    (status = 422, body = InvalidBody),
))]
async fn show_execution(
    State(app): State<AppState>,
    PathParams(path): PathParams<ExecutionPath>,
    QueryParams(query): QueryParams<WaitQuery>,
) -> Result<Json<Execution>, ApiError> {
    let wait = Duration::from_secs(query.wait.unwrap_or(0).into());
    let found = app.work.wait(&path.execution_id, wait, &app.closing);
    Ok(Json(found.await?))
}

/// Stops an execution: its engine's processes are ended, and its step may be selected again.
#[utoipa::path(post, path = "/executions/{execution_id}/cancel", tag = "steps", params(ExecutionPath), responses(
    (status = 200, body = Execution),
    (status = 404, body = ErrorBody),
))]
async fn cancel_execution(
    State(app): State<AppState>,
    PathParams(path): PathParams<ExecutionPath>,
) -> Result<Json<Execution>, ApiError> {
    let stopped = app.work.cancel(&path.execution_id, &app.closing);
    Ok(Json(stopped.await?))
}

fn known_gates(names: Vec<String>) -> Result<Vec<Gate>, ApiError> {
    let gates = names.into_iter().map(|name| name.parse());
    gates
        .collect::<Result<_, millwright_core::protocol::UnknownWord>>()
        .map_err(|error| ApiError::new(StatusCode::BAD_REQUEST, error.to_string()))
}
