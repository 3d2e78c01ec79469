//! `/projects`: projects, and the protocols of one.
//!
//! Always so: no secret is kept here; the workers have them.

use axum::extract::State;
use axum::{Extension, Json};
use millwright_core::protocol::{PolicyMode, Project, ProtocolRun};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ErrorBody, InvalidBody};
use super::extract::{JsonBody, PathParams, QueryParams};
use super::observe::RequestId;
use super::policies::refuse_bad_overrides;
use super::protocols::{NewProtocolBody, refuse_bad_root};
use super::state::AppState;
use crate::store::protocols::{NewProject, ProjectChange, ProjectStatus, ProtocolFilter};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create_project, list_projects))
        .routes(routes!(show_project, change_project, delete_project))
        .routes(routes!(archive_project))
        .routes(routes!(unarchive_project))
        .routes(routes!(create_protocol, list_project_protocols))
}

/// The project that a path names.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub(super) struct ProjectPath {
    /// The project's id.
    pub(super) project_id: i64,
}

/// Which projects.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ProjectQuery {
    /// Those that stand so.
    status: Option<ProjectStatus>,
}

/// A project that is to be made.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct NewProjectBody {
    /// Its name.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// What it is, in a sentence.
    description: Option<String>,
    /// Where its repository is.
    git_url: Option<String>,
    /// Its checkout on the server's disk.
    local_path: Option<String>,
    /// The branch that work begins from; `main` when absent.
    base_branch: Option<String>,
    /// Who builds it.
    ci_provider: Option<String>,
    /// What sort of project it is.
    project_classification: Option<String>,
    /// Engines' models by stage: `exec`, `qa`, `default`.
    #[schema(value_type = Option<Object>)]
    default_models: Option<Value>,
    /// Must be absent: secrets belong into the workers' environment.
    #[schema(value_type = Option<Object>)]
    secrets: Option<Value>,
    /// What it does otherwise than its policy pack: `requirements`, `defaults` and `enforcement` are its policy, `gates` names the
    /// commands of `lint`, `type` and `test`.
    #[schema(value_type = Option<Object>)]
    policy_overrides: Option<Value>,
    /// How strictly its policy is held; `warn` when absent.
    policy_enforcement_mode: Option<PolicyMode>,
    /// Whether its repository may hold a policy of its own, `.tasksgodzilla/policy.yml` or `.json`.
    #[serde(default)]
    policy_repo_local_enabled: bool,
}

/// What is to be changed of a project; what is absent stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct ProjectChangeBody {
    /// Its name.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// What it is, in a sentence.
    description: Option<String>,
    /// How it stands.
    status: Option<ProjectStatus>,
    /// Where its repository is.
    git_url: Option<String>,
    /// Its checkout on the server's disk.
    local_path: Option<String>,
    /// The branch that work begins from.
    base_branch: Option<String>,
    /// What sort of project it is.
    project_classification: Option<String>,
    /// What it does otherwise than its policy pack; takes the place of all that it did.
    #[schema(value_type = Option<Object>)]
    policy_overrides: Option<Value>,
    /// How strictly its policy is held.
    policy_enforcement_mode: Option<PolicyMode>,
    /// Whether its repository may hold a policy of its own.
    policy_repo_local_enabled: Option<bool>,
}

/// A project that was thrown away.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct DeletedProject {
    /// `deleted`.
    status: &'static str,
    /// The project's id.
    project_id: i64,
}

/// Makes a project, and the protocol that sets it up.
#[utoipa::path(post, path = "/projects", tag = "projects", request_body = NewProjectBody, responses(
    (status = 200, body = Project),
    (status = 422, body = InvalidBody),
))]
async fn create_project(
    State(app): State<AppState>,
    Extension(request_id): Extension<RequestId>,
    JsonBody(body): JsonBody<NewProjectBody>,
) -> Result<Json<Project>, ApiError> {
    if body.secrets.is_some() {
        let msg = "secrets are not kept here: give them to the workers' environment";
        return Err(ApiError::invalid_field("secrets", msg, "***"));
    }
    refuse_bad_overrides(body.policy_overrides.as_ref())?;
    let new = NewProject {
        name: body.name,
        description: body.description,
        git_url: body.git_url,
        local_path: body.local_path,
        base_branch: body.base_branch.unwrap_or_else(|| "main".to_owned()),
        ci_provider: body.ci_provider,
        project_classification: body.project_classification,
        default_models: body.default_models,
        policy_overrides: body.policy_overrides,
        policy_enforcement_mode: body.policy_enforcement_mode,
        policy_repo_local_enabled: body.policy_repo_local_enabled,
    };
    let request_id = request_id.as_str().to_owned();
    let made = app
        .work
        .protocols()
        .write(move |tables| tables.create_project(&new, Some(&request_id)));
    Ok(Json(made.await?))
}

/// The projects, oldest first.
#[utoipa::path(get, path = "/projects", tag = "projects", params(ProjectQuery), responses(
    (status = 200, body = Vec<Project>),
    (status = 422, body = InvalidBody),
))]
async fn list_projects(
    State(app): State<AppState>,
    QueryParams(query): QueryParams<ProjectQuery>,
) -> Result<Json<Vec<Project>>, ApiError> {
    let protocols = app.work.protocols();
    let found = protocols.read(move |tables| tables.projects(query.status));
    Ok(Json(found.await?))
}

/// One project.
#[utoipa::path(get, path = "/projects/{project_id}", tag = "projects", params(ProjectPath), responses(
    (status = 200, body = Project),
    (status = 404, body = ErrorBody),
))]
async fn show_project(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProjectPath>,
) -> Result<Json<Project>, ApiError> {
    let protocols = app.work.protocols();
    let found = protocols.read(move |tables| tables.project(path.project_id));
    Ok(Json(found.await?))
}

/// Changes a project.
#[utoipa::path(put, path = "/projects/{project_id}", tag = "projects", params(ProjectPath),
    request_body = ProjectChangeBody, responses(
    (status = 200, body = Project),
    (status = 404, body = ErrorBody),
    (status = 422, body = InvalidBody),
))]
async fn change_project(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProjectPath>,
    JsonBody(body): JsonBody<ProjectChangeBody>,
) -> Result<Json<Project>, ApiError> {
    refuse_bad_overrides(body.policy_overrides.as_ref())?;
    let change = ProjectChange {
        name: body.name,
        description: body.description,
        status: body.status,
        git_url: body.git_url,
        local_path: body.local_path,
        base_branch: body.base_branch,
        project_classification: body.project_classification,
        policy_overrides: body.policy_overrides,
        policy_enforcement_mode: body.policy_enforcement_mode,
        policy_repo_local_enabled: body.policy_repo_local_enabled,
    };
    change_to(&app, path, change).await
}

/// Throws a project away; its row and its protocols stay readable.
#[utoipa::path(delete, path = "/projects/{project_id}", tag = "projects", params(ProjectPath), responses(
    (status = 200, body = DeletedProject),
    (status = 404, body = ErrorBody),
))]
async fn delete_project(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProjectPath>,
) -> Result<Json<DeletedProject>, ApiError> {
    let project_id = path.project_id;
    drop(change_to(&app, path, of_status(ProjectStatus::Deleted)).await?);
    Ok(Json(DeletedProject {
        status: ProjectStatus::Deleted.as_str(),
        project_id,
    }))
}

/// Puts a project away.
#[utoipa::path(post, path = "/projects/{project_id}/archive", tag = "projects", params(ProjectPath), responses(
    (status = 200, body = Project),
    (status = 404, body = ErrorBody),
))]
async fn archive_project(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProjectPath>,
) -> Result<Json<Project>, ApiError> {
    change_to(&app, path, of_status(ProjectStatus::Archived)).await
}

/// Takes a project up again.
#[utoipa::path(post, path = "/projects/{project_id}/unarchive", tag = "projects", params(ProjectPath), responses(
    (status = 200, body = Project),
    (status = 404, body = ErrorBody),
))]
async fn unarchive_project(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProjectPath>,
) -> Result<Json<Project>, ApiError> {
    change_to(&app, path, of_status(ProjectStatus::Active)).await
}

/// Makes a protocol run of a project.
#[utoipa::path(post, path = "/projects/{project_id}/protocols", tag = "projects", params(ProjectPath),
    request_body = NewProtocolBody, responses(
    (status = 200, body = ProtocolRun),
    (status = 404, body = ErrorBody),
    (status = 422, body = InvalidBody),
))]
async fn create_protocol(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProjectPath>,
    JsonBody(body): JsonBody<NewProtocolBody>,
) -> Result<Json<ProtocolRun>, ApiError> {
    let new = body.checked()?;
    let protocols = app.work.protocols();
    let project = protocols.read(move |tables| tables.project(path.project_id));
    refuse_bad_root(&new, &project.await?)?;
    let made = protocols.write(move |tables| tables.create_protocol(path.project_id, &new));
    Ok(Json(made.await?))
}

/// The protocol runs of a project, newest first.
#[utoipa::path(get, path = "/projects/{project_id}/protocols", tag = "projects", params(ProjectPath), responses(
    (status = 200, body = Vec<ProtocolRun>),
    (status = 404, body = ErrorBody),
))]
async fn list_project_protocols(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProjectPath>,
) -> Result<Json<Vec<ProtocolRun>>, ApiError> {
    let filter = ProtocolFilter {
        project_id: Some(path.project_id),
        status: None,
        limit: u32::MAX,
    };
    let found = app.work.protocols().read(move |tables| {
        tables.project(path.project_id)?;
        tables.protocols(filter)
    });
    Ok(Json(found.await?))
}

async fn change_to(
    app: &AppState,
    path: ProjectPath,
    change: ProjectChange,
) -> Result<Json<Project>, ApiError> {
    let protocols = app.work.protocols();
    let changed = protocols.write(move |tables| tables.change_project(path.project_id, &change));
    Ok(Json(changed.await?))
}

fn of_status(status: ProjectStatus) -> ProjectChange {
    ProjectChange {
        status: Some(status),
        ..ProjectChange::default()
    }
}
