//! What a workspace holds: scripts, flows, folders, variables, schedules; read, written and removed.
//!
//! Always so: what is sent and what is given back is Windmill's own JSON, so that nothing is lost between reading and comparing.

use serde::Deserialize;
use serde_json::{Value, json};

use super::client::Ask;
use super::{Client, ItemPath, WindmillError};

/// So many things are asked for at once.
const PAGE: usize = 1000;

/// What sort of thing stands at a path; what needs others comes after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemKind {
    /// A variable.
    Variable,
    /// A script.
    Script,
    /// A flow.
    Flow,
    /// A schedule.
    Schedule,
}

/// What became of a deployed script's or flow's dependency job.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DeploymentStatus {
    /// The lock; nothing while the job runs.
    #[serde(default)]
    pub lock: Option<String>,
    /// What the job said where it failed.
    #[serde(default)]
    pub lock_error_logs: Option<String>,
    /// The job.
    #[serde(default)]
    pub job_id: Option<String>,
}

impl ItemKind {
    /// The kind in a message.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Flow => "flow",
            Self::Variable => "variable",
            Self::Schedule => "schedule",
        }
    }

    fn routes(self) -> &'static str {
        match self {
            Self::Script => "scripts",
            Self::Flow => "flows",
            Self::Variable => "variables",
            Self::Schedule => "schedules",
        }
    }

    fn getter(self, path: &ItemPath) -> String {
        match self {
            Self::Script => format!("scripts/get/p/{path}"),
            Self::Flow => format!("flows/get/{path}"),
            // A secret's value stays where it is.
            Self::Variable => format!("variables/get/{path}?decrypt_secret=false"),
            Self::Schedule => format!("schedules/get/{path}"),
        }
    }
}

impl Client {
    /// The things of a kind whose path begins so, as Windmill lists them: without the content of scripts, the value of flows
    /// and secrets.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn list(&self, kind: ItemKind, beginning: &str) -> Result<Vec<Value>, WindmillError> {
        let what = format!("the {}s of {beginning}", kind.as_str());
        let mut all = Vec::new();
        for page in 1.. {
            let route = format!(
                "{}/list?path_start={beginning}&per_page={PAGE}&page={page}",
                kind.routes()
            );
            let found: Vec<Value> = self.json(Ask::get(&route, &what)).await?;
            let is_last = found.len() < PAGE;
            all.extend(found);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    /// What stands at a path; nothing where there is none.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn item(
        &self,
        kind: ItemKind,
        path: &ItemPath,
    ) -> Result<Option<Value>, WindmillError> {
        let what = format!("the {} {path}", kind.as_str());
        self.find(Ask::get(&kind.getter(path), &what)).await
    }

    /// Makes a thing; of a script that is there, `item` names the `parent_hash`. Gives what Windmill answers: a script's hash.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn create(
        &self,
        kind: ItemKind,
        path: &ItemPath,
        item: &Value,
    ) -> Result<String, WindmillError> {
        let route = format!("{}/create", kind.routes());
        let what = format!("to make the {} {path}", kind.as_str());
        self.text(Ask::post(&route, &what, item)).await
    }

    /// Changes a flow, variable or schedule that is there.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn update(
        &self,
        kind: ItemKind,
        path: &ItemPath,
        item: &Value,
    ) -> Result<(), WindmillError> {
        let route = format!("{}/update/{path}", kind.routes());
        let what = format!("to change the {} {path}", kind.as_str());
        self.text(Ask::post(&route, &what, item)).await.map(drop)
    }

    /// Removes a thing; a script is archived, which its runs' pages need.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn remove(&self, kind: ItemKind, path: &ItemPath) -> Result<(), WindmillError> {
        let what = format!("to remove the {} {path}", kind.as_str());
        let nothing = Value::Null;
        let route = match kind {
            ItemKind::Script => format!("scripts/archive/p/{path}"),
            other => format!("{}/delete/{path}", other.routes()),
        };
        let ask = match kind {
            ItemKind::Script => Ask::post(&route, &what, &nothing),
            _ => Ask::delete(&route, &what),
        };
        self.text(ask).await.map(drop)
    }

    /// Lets a schedule start jobs, or not.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn enable_schedule(
        &self,
        path: &ItemPath,
        enabled: bool,
    ) -> Result<(), WindmillError> {
        let route = format!("schedules/setenabled/{path}");
        let what = format!("to change the schedule {path}");
        let body = json!({"enabled": enabled});
        self.text(Ask::post(&route, &what, &body)).await.map(drop)
    }

    /// A folder by its name, without `f/`; nothing where there is none.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn folder(&self, name: &str) -> Result<Option<Value>, WindmillError> {
        let route = format!("folders/get/{name}");
        let what = format!("the folder {name}");
        self.find(Ask::get(&route, &what)).await
    }

    /// Makes a folder: `{name, …}`.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn create_folder(&self, folder: &Value) -> Result<(), WindmillError> {
        let ask = Ask::post("folders/create", "to make the folder", folder);
        self.text(ask).await.map(drop)
    }

    /// How the dependency job of a script's version stands.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn script_deployment(&self, hash: &str) -> Result<DeploymentStatus, WindmillError> {
        let route = format!("scripts/deployment_status/h/{hash}");
        self.json(Ask::get(&route, "the deployment of a script"))
            .await
    }

    /// How the dependency job of a flow's newest version stands.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn flow_deployment(
        &self,
        path: &ItemPath,
    ) -> Result<DeploymentStatus, WindmillError> {
        let route = format!("flows/deployment_status/p/{path}");
        let what = format!("the deployment of the flow {path}");
        self.json(Ask::get(&route, &what)).await
    }
}
