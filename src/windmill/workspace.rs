//! The server and the workspace themselves: version, who asks, workers, the environment of jobs.
//!
//! Always so: nothing here changes anything but the workspace's own environment variables.

use serde::Deserialize;
use serde_json::json;

use super::client::Ask;
use super::{Client, WindmillError};

/// Who a token belongs to, in a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Identity {
    /// The user's name in the workspace.
    pub username: String,
    /// The address of the account.
    pub email: String,
    /// Whether the user may change everything in the workspace.
    pub is_admin: bool,
    /// The folders that the user may write to.
    #[serde(default)]
    pub folders: Vec<String>,
}

/// A worker that has been seen.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Worker {
    /// Its name.
    pub worker: String,
    /// Its group.
    #[serde(default)]
    pub worker_group: String,
    /// The tags of the jobs that it takes.
    #[serde(default)]
    pub custom_tags: Option<Vec<String>>,
    /// Seconds since it was heard of.
    #[serde(default)]
    pub last_ping: Option<f64>,
}

/// A variable of the environment that jobs get.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EnvironmentVariable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether it is the workspace's own; the others are Windmill's.
    #[serde(default)]
    pub is_custom: bool,
}

impl Client {
    /// The server's version, such as `CE v1.592.1`. No token is needed.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn version(&self) -> Result<String, WindmillError> {
        let ask = Ask::get("/version", "its version");
        let version = self.text(ask).await?;
        let version = version.trim();
        if version.contains('<') || !version.chars().any(|c| c.is_ascii_digit()) {
            let reason = super::error::told(version);
            return Err(self.bad_answer("its version", reason));
        }
        Ok(version.to_owned())
    }

    /// Who the token belongs to.
    ///
    /// # Errors
    /// [`WindmillError`]; that of a workspace that is not there too.
    pub async fn whoami(&self) -> Result<Identity, WindmillError> {
        let what = format!(
            "the token's user in the workspace {}",
            self.connection().workspace()
        );
        self.json(Ask::get("users/whoami", &what)).await
    }

    /// The workers that were heard of in the last five minutes.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn workers(&self) -> Result<Vec<Worker>, WindmillError> {
        let ask = Ask::get("/workers/list?per_page=1000&ping_since=300", "its workers");
        self.json(ask).await
    }

    /// Whether the server has the workspace. A token that may do everything is answered with empty lists where it has not.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn workspace_exists(&self) -> Result<bool, WindmillError> {
        let workspace = self.connection().workspace();
        let what = format!("whether there is a workspace {workspace}");
        let body = json!({"id": workspace});
        self.json(Ask::post("/workspaces/exists", &what, &body))
            .await
    }

    /// The environment that the workspace's jobs get.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn environment(&self) -> Result<Vec<EnvironmentVariable>, WindmillError> {
        let what = "the environment of the workspace's jobs";
        self.json(Ask::get("variables/list_contextual", what)).await
    }

    /// Gives the workspace's jobs a variable. Everyone who may run jobs can read it.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn set_environment(&self, name: &str, value: &str) -> Result<(), WindmillError> {
        let what = format!("to set the environment variable {name}");
        let body = json!({"name": name, "value": value});
        let route = "workspaces/set_environment_variable";
        self.text(Ask::post(route, &what, &body)).await.map(drop)
    }
}
