//! What the steps that write documents have in common: the project, the writer, the log.
//!
//! Always so: a project that the API does not know is a failure, and no other folder is taken for it.

use std::fs;
use std::path::PathBuf;

use millwright_core::catalog::Object;
use millwright_core::protocol::{Project, ProjectDefaults};
use millwright_core::refs::RunId;
use serde_json::json;

use super::StepError;
use super::agent_log::AgentLog;
use super::analyze_project::folder;
use crate::client::Client;
use crate::engine::{Cancel, Registry};
use crate::host::{Host, date};
use crate::planning::{Planner, PlanningError, Writer};
use crate::runner::Settings;

/// So long a request may be.
const LONGEST_REQUEST: usize = 1024 * 1024;

/// A project on this machine.
pub(super) struct Site {
    /// Its folder, without links in it.
    pub(super) root: PathBuf,
    /// What it says about engines.
    pub(super) defaults: ProjectDefaults,
}

impl Site {
    /// The project of a folder, of an id, or of both: the folder is then that folder.
    pub(super) async fn find(
        host: &impl Host,
        path: Option<&str>,
        id: Option<i64>,
    ) -> Result<Self, StepError> {
        let path = path.filter(|path| !path.is_empty());
        // Flows pass 0 where their caller named no project.
        let id = id.filter(|id| *id != 0);
        let project = match id {
            Some(id) => Some((id, project(host, id).await?)),
            None => None,
        };
        let root = match (path, &project) {
            (Some(path), _) => folder(path)?,
            (None, Some((id, project))) => checkout(*id, project)?,
            (None, None) => {
                let problem = "give project_path or project_id";
                return Err(StepError::BadArguments(problem.to_owned()));
            }
        };
        let defaults = project.as_ref().map(|(_, project)| defaults(project));
        Ok(Self {
            root,
            defaults: defaults.unwrap_or_default(),
        })
    }
}

/// A project by its id.
pub(super) async fn project(host: &impl Host, id: i64) -> Result<Project, StepError> {
    let found = Client::protocols(host)?.project(id).await;
    found.map_err(|error| match error.status() {
        Some(404) => StepError::bad_argument("project_id", format!("there is no project {id}")),
        _ => error.into(),
    })
}

/// What a project says about engines and models.
pub(super) fn defaults(project: &Project) -> ProjectDefaults {
    let models = project.default_models.as_ref();
    ProjectDefaults::of_project(models, project.policy_overrides.as_ref())
}

/// A project's folder on this machine.
pub(super) fn checkout(id: i64, project: &Project) -> Result<PathBuf, StepError> {
    let bad = |problem: String| StepError::failed(format!("project {id} {problem}"));
    let path = project.local_path.as_deref();
    let path = path.filter(|path| !path.is_empty()).ok_or_else(|| {
        bad("has no local_path: clone it with the flow project_onboarding first".to_owned())
    })?;
    let found = fs::canonicalize(path)
        .map_err(|error| bad(format!("cannot be read here: {path}: {error}")))?;
    if found.is_dir() {
        Ok(found)
    } else {
        Err(bad(format!("cannot be read here: {path} is no folder")))
    }
}

/// Refuses a request that says nothing, or too much.
pub(super) fn refuse_bad_request(request: &str) -> Result<(), StepError> {
    let problem = if request.trim().is_empty() {
        "is empty: say what is wanted".to_owned()
    } else if request.len() > LONGEST_REQUEST {
        format!("is longer than {LONGEST_REQUEST} bytes")
    } else {
        return Ok(());
    };
    Err(StepError::bad_argument("feature_request", problem))
}

/// Does `work` with a writer for a project, whose log the API keeps as that of `run`.
pub(super) fn write<T>(
    host: &impl Host,
    run: Option<&RunId>,
    site: &Site,
    work: impl FnOnce(&Writer<'_>) -> Result<T, PlanningError>,
) -> Result<T, StepError> {
    let settings = Settings::read(|name| host.env(name));
    let now = date::utc(host.since_1970());
    let done = AgentLog::kept(run, |log| {
        let planner = Planner {
            engines: &Registry::default(),
            settings: &settings,
            log,
            cancel: &Cancel::default(),
        };
        work(&Writer {
            planner: &planner,
            defaults: &site.defaults,
            root: &site.root,
            now: &now,
        })
    });
    done.map_err(StepError::from)
}

impl From<PlanningError> for StepError {
    fn from(error: PlanningError) -> Self {
        Self::Failed {
            message: error.to_string(),
            details: Object::from_iter([
                ("error_type".to_owned(), json!(error.kind())),
                ("engine_id".to_owned(), json!(error.engine_id())),
            ]),
        }
    }
}
