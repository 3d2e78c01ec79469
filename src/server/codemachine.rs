//! `/projects/{id}/codemachine/import`: protocols from CodeMachine workspaces.
//!
//! Always so: the workspace's programs run on a thread that may block, and what comes of them is on record.

use std::path::{Path, PathBuf};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use millwright_core::protocol::import::codemachine::{ENGINE, Imported, Problem, name_engine};
use millwright_core::protocol::{Project, ProjectDefaults, ProtocolRun};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::error::{ApiError, ErrorBody};
use super::extract::{JsonBody, PathParams};
use super::projects::ProjectPath;
use super::protocols::refuse_bad_name;
use super::specs::HELD_BACK;
use super::state::AppState;
use crate::spec::codemachine::{ImportError, import};
use crate::store::StoreError;
use crate::store::protocols::NewProtocol;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(import_codemachine))
}

/// A workspace that is to become a protocol.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct CodeMachineBody {
    /// The protocol's name, which names a folder too.
    #[schema(min_length = 1, max_length = 200)]
    protocol_name: String,
    /// The workspace's folder, in the project's; relative to it, or absolute.
    #[schema(min_length = 1, max_length = 4096)]
    workspace_path: String,
    /// The branch that it begins from; `main` when absent.
    base_branch: Option<String>,
    /// What it is for, in a sentence.
    description: Option<String>,
    /// Which of the workspace's workflows; by default the one that `template.json` names, else the only one.
    workflow: Option<String>,
    /// Whether to answer at once, and import in the background.
    #[serde(default)]
    enqueue: bool,
}

/// What became of a workspace.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct CodeMachineImport {
    /// What is wrong, in a sentence; absent where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The protocol run: planned, or blocked where there is no valid spec.
    protocol_run: ProtocolRun,
    /// The import, where it is done in the background.
    job: Option<ImportJob>,
    /// The same in a sentence.
    message: String,
    /// What was left out or changed.
    warnings: Vec<String>,
}

/// An import in the background.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ImportJob {
    /// Its id, as in the event `codemachine_import_enqueued`.
    job_id: String,
}

/// A workspace, and the protocol that is made of it.
#[derive(Debug, Clone)]
struct Import {
    protocol_run_id: i64,
    folder: PathBuf,
    project: Option<PathBuf>,
    workflow: Option<String>,
    /// The project's engine.
    engine: Option<String>,
}

/// What an import came to.
#[derive(Debug, Default)]
struct Done {
    errors: Vec<String>,
    warnings: Vec<String>,
    is_held_back: bool,
}

/// Makes a protocol run of a CodeMachine workspace.
///
/// A step for each agent of its workflow; loops, triggers and checkpoints become policies. The protocol run is planned,
/// or blocked where the workspace, or the spec made of it, is wrong.
#[utoipa::path(post, path = "/projects/{project_id}/codemachine/import", tag = "protocols", params(ProjectPath),
    request_body = CodeMachineBody, responses(
    (status = 200, body = CodeMachineImport),
    (status = 404, body = ErrorBody),
    (status = 422, description = "The body is wrong (a list as `detail`), or the workspace is, and its protocol run blocked",
        body = CodeMachineImport),
))]
async fn import_codemachine(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProjectPath>,
    JsonBody(body): JsonBody<CodeMachineBody>,
) -> Result<(StatusCode, Json<CodeMachineImport>), ApiError> {
    refuse_bad_name("protocol_name", &body.protocol_name)?;
    let protocols = app.work.protocols();
    let project = protocols
        .read(move |tables| tables.project(path.project_id))
        .await?;
    let (folder, around) = places(&project, &body.workspace_path)?;
    let workspace = folder.display().to_string();
    let new = NewProtocol {
        protocol_name: body.protocol_name,
        base_branch: body.base_branch.unwrap_or_else(|| "main".to_owned()),
        description: body.description,
        worktree_path: around.is_none().then(|| workspace.clone()),
        template_source: Some(json!({"type": "codemachine", "path": workspace})),
        ..NewProtocol::default()
    };
    let made = protocols.write(move |tables| tables.create_protocol(path.project_id, &new));
    let import = Import {
        protocol_run_id: made.await?.id,
        folder,
        project: around,
        workflow: body.workflow,
        engine: ProjectDefaults::of_project(None, project.policy_overrides.as_ref())
            .engine_id
            .filter(|engine| engine != ENGINE),
    };
    if body.enqueue {
        import.enqueue(app).await
    } else {
        import.answer(&app).await
    }
}

impl Import {
    async fn enqueue(
        self,
        app: AppState,
    ) -> Result<(StatusCode, Json<CodeMachineImport>), ApiError> {
        let job_id = Uuid::new_v4().to_string();
        let (id, named, workspace) = (self.protocol_run_id, job_id.clone(), self.workspace());
        let noted = app.work.protocols().write(move |tables| {
            tables.codemachine_enqueued(id, &named, &workspace)?;
            tables.protocol(id)
        });
        let answer = CodeMachineImport {
            detail: None,
            protocol_run: noted.await?,
            job: Some(ImportJob { job_id }),
            message: "The workspace is being imported.".to_owned(),
            warnings: Vec::new(),
        };
        tokio::spawn(async move {
            if let Err(error) = self.done(&app).await {
                tracing::warn!(protocol_run_id = id, %error, "the workspace was not imported");
            }
        });
        Ok((StatusCode::OK, Json(answer)))
    }

    async fn answer(
        self,
        app: &AppState,
    ) -> Result<(StatusCode, Json<CodeMachineImport>), ApiError> {
        let id = self.protocol_run_id;
        let Done {
            errors,
            warnings,
            is_held_back,
        } = self.done(app).await?;
        let protocols = app.work.protocols();
        let protocol_run = protocols.read(move |tables| tables.protocol(id)).await?;
        let (code, message) = if is_held_back {
            (StatusCode::OK, HELD_BACK)
        } else if errors.is_empty() {
            (StatusCode::OK, "The workspace was imported.")
        } else {
            (
                StatusCode::UNPROCESSABLE_ENTITY,
                "The workspace gives no valid spec.",
            )
        };
        let answer = CodeMachineImport {
            detail: (!errors.is_empty()).then(|| errors.join("\n")),
            protocol_run,
            job: None,
            message: message.to_owned(),
            warnings,
        };
        Ok((code, Json(answer)))
    }

    /// Imports; says what is wrong, and what was left out.
    async fn done(self, app: &AppState) -> Result<Done, StoreError> {
        let (id, workspace) = (self.protocol_run_id, self.workspace());
        match self.run().await {
            Ok(Imported { spec, warnings }) => {
                let taken = app.work.import_codemachine(id, workspace, spec).await?;
                Ok(Done {
                    errors: taken.errors.iter().map(ToString::to_string).collect(),
                    warnings,
                    is_held_back: taken.is_held_back,
                })
            }
            Err(problems) => {
                let errors = problems.iter().map(ToString::to_string).collect();
                let done = Done {
                    errors,
                    ..Done::default()
                };
                let protocols = app.work.protocols();
                let failed =
                    protocols.write(move |tables| tables.codemachine_failed(id, &problems));
                failed.await?;
                Ok(done)
            }
        }
    }

    async fn run(self) -> Result<Imported, Vec<Problem>> {
        let place = self.workspace();
        let work = move || {
            let mut imported = import(
                &self.folder,
                self.project.as_deref(),
                self.workflow.as_deref(),
            )?;
            if let Some(engine) = &self.engine {
                name_engine(&mut imported.spec, engine);
            }
            Ok::<_, ImportError>(imported)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(outcome) => outcome.map_err(|error| error.problems),
            Err(error) => Err(vec![Problem {
                place,
                reason: format!("its import ended: {error}"),
            }]),
        }
    }

    fn workspace(&self) -> String {
        self.folder.display().to_string()
    }
}

/// The workspace's folder and the project's. A project without one takes the workspace's, which has to be absolute.
fn places(project: &Project, written: &str) -> Result<(PathBuf, Option<PathBuf>), ApiError> {
    let around = project.local_path.as_ref().map(PathBuf::from);
    let folder = match &around {
        Some(around) => around.join(written),
        None => PathBuf::from(written),
    };
    if Path::is_absolute(&folder) && !written.contains('\0') {
        Ok((folder, around))
    } else {
        let msg = "it is not absolute, and the project has no local_path";
        Err(ApiError::invalid_field("workspace_path", msg, written))
    }
}
