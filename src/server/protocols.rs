//! `/protocols`: protocol runs, what is done with them, their steps and events.
//!
//! Always so: an action answers with the protocol as it stands after it, and one that the state forbids is a 409.

use axum::Json;
use axum::extract::State;
use millwright_core::protocol::{
    Event, Project, ProtocolRun, ProtocolStatus, RunNextStep, StepRun, infer_step_type,
    refuse_bad_protocol_name, refuse_bad_protocol_root,
};
use serde::Deserialize;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::error::{ApiError, ErrorBody, InvalidBody};
use super::extract::{JsonBody, OptionalJsonBody, PathParams, QueryParams};
use super::state::AppState;
use crate::store::StoreError;
use crate::store::protocols::{NewProtocol, NewStep, ProtocolFilter};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create_protocol_of_project, list_protocols))
        .routes(routes!(show_protocol))
        .routes(routes!(create_step, list_protocol_steps))
        .routes(routes!(list_events))
        .routes(routes!(start_protocol))
        .routes(routes!(pause_protocol))
        .routes(routes!(resume_protocol))
        .routes(routes!(cancel_protocol))
        .routes(routes!(retry_latest))
        .routes(routes!(run_next_step))
}

/// The protocol run that a path names.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub(super) struct ProtocolPath {
    /// The protocol run's id.
    pub(super) protocol_run_id: i64,
}

/// Which protocol runs.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ProtocolQuery {
    /// Those of a project.
    project_id: Option<i64>,
    /// Those that stand so.
    status: Option<ProtocolStatus>,
    /// At most so many; 20 when absent.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// A protocol run that is to be made.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub(super) struct NewProtocolBody {
    /// Its name, which names a folder too: `.protocols/<name>`.
    #[schema(min_length = 1, max_length = 200)]
    protocol_name: String,
    /// The branch that it begins from; `main` when absent.
    base_branch: Option<String>,
    /// Its worktree on the server's disk; the project's checkout when absent.
    worktree_path: Option<String>,
    /// Its folder of plans and outputs, in the workspace.
    protocol_root: Option<String>,
    /// What it is for, in a sentence.
    description: Option<String>,
    /// What it is made from; `protocol_spec` holds the spec.
    #[schema(value_type = Option<Object>)]
    template_config: Option<Value>,
    /// Where that came from.
    template_source: Option<Value>,
}

/// A protocol run that is to be made, with its project.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct NewProtocolOfProject {
    /// The project that it belongs to.
    project_id: i64,
    /// Its name, which names a folder too.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// What it is for, in a sentence.
    description: Option<String>,
    /// The branch that it begins from; `main` when absent.
    branch_name: Option<String>,
    /// What it is made from; `protocol_spec` holds the spec.
    #[schema(value_type = Option<Object>)]
    template_config: Option<Value>,
}

/// A step run that is to be made.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct NewStepBody {
    /// Its place among the protocol's steps, from 0.
    #[schema(minimum = 0)]
    step_index: i64,
    /// Its name.
    #[schema(min_length = 1, max_length = 200)]
    step_name: String,
    /// What it is for; by its name when absent.
    step_type: Option<String>,
    /// The model that its engine uses.
    model: Option<String>,
    /// The engine that runs it.
    engine_id: Option<String>,
    /// Its loop and trigger policies: an object or a list.
    policy: Option<Value>,
    /// The step runs that have to be completed before it.
    depends_on: Option<Vec<i64>>,
    /// The group of steps that run beside it.
    parallel_group: Option<String>,
}

/// How a protocol is started.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
struct StartBody {
    /// Whether another plan is wanted, also where there is one.
    #[serde(default)]
    replan: bool,
}

/// Who selects, and how much.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct RunNextStepBody {
    /// Who claims: the same holder gets the same claim until it has used it. A new holder when absent.
    #[schema(min_length = 1, max_length = 200)]
    holder: Option<String>,
    /// Whether to claim every ready step instead of the next.
    #[serde(default)]
    all: bool,
}

impl NewProtocolBody {
    /// The protocol, where its name can name a folder.
    pub(super) fn checked(self) -> Result<NewProtocol, ApiError> {
        refuse_bad_name("protocol_name", &self.protocol_name)?;
        Ok(NewProtocol {
            protocol_name: self.protocol_name,
            base_branch: self.base_branch.unwrap_or_else(|| "main".to_owned()),
            worktree_path: self.worktree_path,
            protocol_root: self.protocol_root,
            description: self.description,
            template_config: self.template_config,
            template_source: self.template_source,
        })
    }
}

/// Makes a protocol run.
#[utoipa::path(post, path = "/protocols", tag = "protocols", request_body = NewProtocolOfProject, responses(
    (status = 200, body = ProtocolRun),
    (status = 422, description = "Wrong, or of a project that does not exist", body = InvalidBody),
))]
async fn create_protocol_of_project(
    State(app): State<AppState>,
    JsonBody(body): JsonBody<NewProtocolOfProject>,
) -> Result<Json<ProtocolRun>, ApiError> {
    refuse_bad_name("name", &body.name)?;
    let project_id = body.project_id;
    let new = NewProtocol {
        protocol_name: body.name,
        base_branch: body.branch_name.unwrap_or_else(|| "main".to_owned()),
        description: body.description,
        template_config: body.template_config,
        ..NewProtocol::default()
    };
    let made = app.work.protocols().write(move |tables| {
        let made = tables.create_protocol(project_id, &new);
        made.map_err(|error| match error {
            StoreError::NotFound("Project") => {
                StoreError::Missing(format!("project_id: there is no project {project_id}"))
            }
            other => other,
        })
    });
    Ok(Json(made.await?))
}

/// Protocol runs, newest first.
#[utoipa::path(get, path = "/protocols", tag = "protocols", params(ProtocolQuery), responses(
    (status = 200, body = Vec<ProtocolRun>),
    (status = 422, body = InvalidBody),
))]
async fn list_protocols(
    State(app): State<AppState>,
    QueryParams(query): QueryParams<ProtocolQuery>,
) -> Result<Json<Vec<ProtocolRun>>, ApiError> {
    let filter = ProtocolFilter {
        project_id: query.project_id,
        status: query.status,
        limit: query.limit.unwrap_or(20),
    };
    let protocols = app.work.protocols();
    let found = protocols.read(move |tables| tables.protocols(filter));
    Ok(Json(found.await?))
}

/// One protocol run.
#[utoipa::path(get, path = "/protocols/{protocol_run_id}", tag = "protocols", params(ProtocolPath), responses(
    (status = 200, body = ProtocolRun),
    (status = 404, body = ErrorBody),
))]
async fn show_protocol(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProtocolPath>,
) -> Result<Json<ProtocolRun>, ApiError> {
    let protocols = app.work.protocols();
    let found = protocols.read(move |tables| tables.protocol(path.protocol_run_id));
    Ok(Json(found.await?))
}

/// Makes a step run by hand. It runs only when the protocol's spec knows its name.
#[utoipa::path(post, path = "/protocols/{protocol_run_id}/steps", tag = "steps", params(ProtocolPath),
    request_body = NewStepBody, responses(
    (status = 200, body = StepRun),
    (status = 404, body = ErrorBody),
    (status = 409, description = "The protocol has a step of that name", body = ErrorBody),
    (status = 422, body = InvalidBody),
))]
async fn create_step(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProtocolPath>,
    JsonBody(body): JsonBody<NewStepBody>,
) -> Result<Json<StepRun>, ApiError> {
    let inferred = infer_step_type(&body.step_name);
    let new = NewStep {
        step_index: body.step_index,
        step_type: body.step_type.unwrap_or_else(|| inferred.to_string()),
        step_name: body.step_name,
        model: body.model,
        engine_id: body.engine_id,
        policy: body.policy,
        depends_on: body.depends_on,
        parallel_group: body.parallel_group,
        step_spec: None,
    };
    let protocols = app.work.protocols();
    let made = protocols.write(move |tables| tables.create_step(path.protocol_run_id, &new));
    Ok(Json(made.await?))
}

/// A protocol run's steps, by index.
#[utoipa::path(get, path = "/protocols/{protocol_run_id}/steps", tag = "steps", params(ProtocolPath), responses(
    (status = 200, body = Vec<StepRun>),
    (status = 404, body = ErrorBody),
))]
async fn list_protocol_steps(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProtocolPath>,
) -> Result<Json<Vec<StepRun>>, ApiError> {
    let protocols = app.work.protocols();
    let found = protocols.read(move |tables| tables.steps_of(path.protocol_run_id));
    Ok(Json(found.await?))
}

/// A protocol run's events, oldest first.
#[utoipa::path(get, path = "/protocols/{protocol_run_id}/events", tag = "protocols", params(ProtocolPath), responses(
    (status = 200, body = Vec<Event>),
    (status = 404, body = ErrorBody),
))]
async fn list_events(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProtocolPath>,
) -> Result<Json<Vec<Event>>, ApiError> {
    let protocols = app.work.protocols();
    let found = protocols.read(move |tables| tables.events(path.protocol_run_id));
    Ok(Json(found.await?))
}

/// Starts a protocol run: its steps are made from its spec, in the background.
///
/// With `replan` an engine is asked for another plan, before any step has begun; the plan that is there stays until then.
#[utoipa::path(post, path = "/protocols/{protocol_run_id}/actions/start", tag = "protocols", params(ProtocolPath),
    request_body = StartBody, responses(
    (status = 200, body = ProtocolRun),
    (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody),
))]
async fn start_protocol(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProtocolPath>,
    OptionalJsonBody(body): OptionalJsonBody<StartBody>,
) -> Result<Json<ProtocolRun>, ApiError> {
    let started = app.work.start(path.protocol_run_id, body.replan);
    Ok(Json(started.await?))
}

/// Stops a protocol run for a while: no step is selected, those under way go on. Planning is stopped, and begins again
/// when it is resumed.
#[utoipa::path(post, path = "/protocols/{protocol_run_id}/actions/pause", tag = "protocols", params(ProtocolPath), responses(
    (status = 200, body = ProtocolRun),
    (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody),
))]
async fn pause_protocol(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProtocolPath>,
) -> Result<Json<ProtocolRun>, ApiError> {
    Ok(Json(app.work.pause(path.protocol_run_id).await?))
}

/// Lets a paused protocol run go on.
#[utoipa::path(post, path = "/protocols/{protocol_run_id}/actions/resume", tag = "protocols", params(ProtocolPath), responses(
    (status = 200, body = ProtocolRun),
    (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody),
))]
async fn resume_protocol(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProtocolPath>,
) -> Result<Json<ProtocolRun>, ApiError> {
    Ok(Json(app.work.resume(path.protocol_run_id).await?))
}

/// Ends a protocol run and every step of it that is not done; what is under way is stopped.
///
/// One that has ended already stays as it is.
#[utoipa::path(post, path = "/protocols/{protocol_run_id}/actions/cancel", tag = "protocols", params(ProtocolPath), responses(
    (status = 200, body = ProtocolRun),
    (status = 404, body = ErrorBody),
))]
async fn cancel_protocol(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProtocolPath>,
) -> Result<Json<ProtocolRun>, ApiError> {
    Ok(Json(app.work.cancel_protocol(path.protocol_run_id).await?))
}

/// Makes the last step that failed or is blocked ready again.
#[utoipa::path(post, path = "/protocols/{protocol_run_id}/actions/retry_latest", tag = "protocols", params(ProtocolPath), responses(
    (status = 200, body = StepRun),
    (status = 404, description = "No such protocol, or no such step in it", body = ErrorBody),
    (status = 409, body = ErrorBody),
))]
async fn retry_latest(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProtocolPath>,
) -> Result<Json<StepRun>, ApiError> {
    let protocols = app.work.protocols();
    let ready = protocols.write(move |tables| tables.retry_latest(path.protocol_run_id));
    Ok(Json(ready.await?))
}

/// Claims the next step that is ready, or all of them. Starts nothing.
///
/// A claim is a lease: where it is not used or renewed in time, the step may be selected again.
#[utoipa::path(post, path = "/protocols/{protocol_run_id}/actions/run_next_step", tag = "protocols", params(ProtocolPath),
    request_body = RunNextStepBody, responses(
    (status = 200, body = RunNextStep),
    (status = 404, body = ErrorBody),
    (status = 422, body = InvalidBody),
))]
async fn run_next_step(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProtocolPath>,
    OptionalJsonBody(body): OptionalJsonBody<RunNextStepBody>,
) -> Result<Json<RunNextStep>, ApiError> {
    let holder = body.holder.unwrap_or_else(|| Uuid::new_v4().to_string());
    let claimed = app.work.select(path.protocol_run_id, holder, body.all);
    Ok(Json(claimed.await?))
}

/// A name that can be a folder's: no separators, no control characters, not hidden.
pub(super) fn refuse_bad_name(field: &str, name: &str) -> Result<(), ApiError> {
    refuse_bad_protocol_name(name).map_err(|msg| ApiError::invalid_field(field, msg, name))
}

/// A protocol's folder that is given lies below the project's, or below the worktree that was chosen.
pub(super) fn refuse_bad_root(new: &NewProtocol, project: &Project) -> Result<(), ApiError> {
    let Some(root) = &new.protocol_root else {
        return Ok(());
    };
    let folders = [&new.worktree_path, &project.local_path];
    let folders: Vec<&str> = folders.into_iter().flatten().map(String::as_str).collect();
    refuse_bad_protocol_root(root, &folders)
        .map_err(|msg| ApiError::invalid_field("protocol_root", msg, root.as_str()))
}
