//! The server and the workspace themselves: version, who asks, workers.
//!
//! Always so: nothing here changes anything.

use serde::Deserialize;

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
}
