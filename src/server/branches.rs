//! `/projects/{id}/branches`: the branches of a project's checkout on this machine.
//!
//! Always so: a branch that someone still needs is not removed, and what was asked for is on record with the protocol that
//! sets the project up.

use std::path::{Path, PathBuf};

use axum::Json;
use axum::extract::State;
use millwright_core::protocol::{
    NewEvent, Project, branch_delete_failed, branch_deleted, branches_listed,
};
use millwright_step::workspace::{
    LocalBranch, WorkspaceError, delete_branch, local_branches, refuse_odd_branch,
};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ErrorBody, InvalidBody, Issue};
use super::extract::{JsonBody, PathParams};
use super::projects::ProjectPath;
use super::state::{App, AppState};
use crate::store::StoreError;
use crate::store::protocols::ProtocolOutline;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_branches))
        .routes(routes!(remove_branch))
}

/// The branch that a path names.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
struct BranchPath {
    /// The project's id.
    project_id: i64,
    /// The branch; a `/` in its name is written `%2F`.
    branch: String,
}

/// That the branch is really to be removed.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct RemoveBranchBody {
    /// `true`: it is removed whether it is merged or not.
    confirm: bool,
}

/// The branches of a project's checkout.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Branches {
    /// The project's id.
    project_id: i64,
    /// Their names, in order.
    branches: Vec<String>,
}

/// A branch that was removed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct RemovedBranch {
    /// `deleted`.
    status: &'static str,
    /// The project's id.
    project_id: i64,
    /// Its name.
    branch: String,
    /// The commit that it was at: `git branch <name> <commit>` brings it back.
    commit: String,
}

/// The local branches of a project's checkout on the server's disk.
#[utoipa::path(get, path = "/projects/{project_id}/branches", tag = "projects", params(ProjectPath), responses(
    (status = 200, body = Branches),
    (status = 404, body = ErrorBody),
    (status = 409, description = "There is no checkout here", body = ErrorBody),
))]
async fn list_branches(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProjectPath>,
) -> Result<Json<Branches>, ApiError> {
    let project_id = path.project_id;
    let protocols = app.work.protocols();
    let project = protocols.read(move |tables| tables.project(project_id));
    let found = found_in(checkout(&project.await?)?).await?;
    let branches: Vec<String> = found.into_iter().map(|branch| branch.name).collect();
    tell(&app, project_id, branches_listed(project_id, &branches)).await?;
    Ok(Json(Branches {
        project_id,
        branches,
    }))
}

/// Removes a local branch of a project's checkout. One that is checked out, that the project's work begins from, or that a
/// protocol needs which has not ended, stays.
#[utoipa::path(post, path = "/projects/{project_id}/branches/{branch}/delete", tag = "projects", params(BranchPath),
    request_body = RemoveBranchBody, responses(
    (status = 200, body = RemovedBranch),
    (status = 404, body = ErrorBody),
    (status = 409, description = "Someone needs it, it has moved in between, or git refuses", body = ErrorBody),
    (status = 422, body = InvalidBody),
))]
async fn remove_branch(
    State(app): State<AppState>,
    PathParams(BranchPath { project_id, branch }): PathParams<BranchPath>,
    JsonBody(body): JsonBody<RemoveBranchBody>,
) -> Result<Json<RemovedBranch>, ApiError> {
    refuse_odd_branch(&branch).map_err(|problem| odd(&branch, problem))?;
    if !body.confirm {
        let msg = "say true: a branch is removed whether it is merged or not";
        return Err(ApiError::invalid_field("confirm", msg, false));
    }
    let (project, runs) = project_and_runs(&app, project_id).await?;
    let folder = checkout(&project)?;
    let mut all = found_in(folder.clone()).await?.into_iter();
    let found = all.find(|found| found.name == branch);
    let found = found.ok_or_else(|| ApiError::not_found("Branch not found"))?;
    let removed = match why_it_stays(&app, &found, &project, &runs) {
        Some(reason) => Err(reason),
        None => remove(folder, found.clone()).await,
    };
    if let Err(reason) = removed {
        let failed = branch_delete_failed(project_id, &branch, &reason);
        tell(&app, project_id, failed).await?;
        return Err(ApiError::conflict(reason));
    }
    let deleted = branch_deleted(project_id, &branch, &found.commit);
    tell(&app, project_id, deleted).await?;
    Ok(Json(RemovedBranch {
        status: "deleted",
        project_id,
        branch,
        commit: found.commit,
    }))
}

async fn project_and_runs(
    app: &App,
    project_id: i64,
) -> Result<(Project, Vec<ProtocolOutline>), StoreError> {
    let protocols = app.work.protocols();
    let found = protocols
        .read(move |tables| Ok((tables.project(project_id)?, tables.outlines(project_id)?)));
    found.await
}

/// Who needs a branch.
fn why_it_stays(
    app: &App,
    branch: &LocalBranch,
    project: &Project,
    runs: &[ProtocolOutline],
) -> Option<String> {
    let name = &branch.name;
    if *name == project.base_branch {
        return Some(format!(
            "{name} is the branch that the project's work begins from"
        ));
    }
    let is_needed = |run: &&ProtocolOutline| {
        let is_its = run.base_branch == *name || app.work.branch_of(run) == *name;
        !run.status.is_terminal() && is_its
    };
    if let Some(run) = runs.iter().find(is_needed) {
        return Some(format!(
            "protocol {} ({}) needs {name} and is {}: cancel it first",
            run.id, run.protocol_name, run.status
        ));
    }
    branch
        .is_checked_out
        .then(|| format!("{name} is checked out in a worktree: check out another there first"))
}

/// The folder of a project's checkout.
fn checkout(project: &Project) -> Result<PathBuf, ApiError> {
    let folder = project.local_path.as_deref().map(Path::new);
    let folder = folder.filter(|folder| folder.join(".git").exists());
    folder.map(Path::to_owned).ok_or_else(|| {
        ApiError::conflict("the project's local_path is no git checkout on this server")
    })
}

async fn found_in(folder: PathBuf) -> Result<Vec<LocalBranch>, ApiError> {
    let found = in_git(move || local_branches(&folder)).await;
    found.map_err(ApiError::conflict)
}

async fn remove(folder: PathBuf, branch: LocalBranch) -> Result<(), String> {
    in_git(move || delete_branch(&folder, &branch)).await
}

/// Asks git in a thread that may wait for it.
pub(super) async fn in_git<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, WorkspaceError> + Send + 'static,
) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| error.to_string())?;
    done.map_err(|error| error.to_string())
}

async fn tell(app: &App, project_id: i64, event: NewEvent) -> Result<(), StoreError> {
    let protocols = app.work.protocols();
    let told = protocols.write(move |tables| tables.tell_of_project(project_id, &event));
    told.await
}

fn odd(branch: &str, problem: &str) -> ApiError {
    ApiError::Invalid(vec![Issue {
        kind: "value_error",
        loc: vec!["path".into(), "branch".into()],
        msg: format!("no branch has this name: {problem}"),
        input: branch.into(),
        ctx: None,
    }])
}
