//! The protocol API's routes for projects.
//!
//! Always so: what is not named stays as it is.

use millwright_core::protocol::{Project, ProtocolRun, SetupReport};
use serde::Serialize;
use serde_json::Value;

use super::{CALL_LIMIT, Client, ClientError, Safety};
use crate::host::{Host, Method};

/// A protocol run that is to be made.
#[derive(Debug, Clone, Serialize)]
pub struct NewProtocol {
    /// Its name.
    pub protocol_name: String,
    /// The branch that it begins from.
    pub base_branch: String,
    /// What is wanted.
    pub description: String,
    /// What it is made from.
    pub template_config: Value,
}

impl<H: Host> Client<'_, H> {
    /// A project, as the API shows it.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn project(&self, id: i64) -> Result<Project, ClientError> {
        self.get(&format!("/projects/{id}"), CALL_LIMIT).await
    }

    /// Makes a protocol run of a project.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn create_protocol(
        &self,
        project: i64,
        new: &NewProtocol,
    ) -> Result<ProtocolRun, ClientError> {
        let path = format!("/projects/{project}/protocols");
        self.post(&path, new, Safety::Once).await
    }

    /// Changes the named fields of a project.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn update_project(&self, id: i64, fields: &Value) -> Result<(), ClientError> {
        let path = format!("/projects/{id}");
        let _project: Value = self
            .send_body(Method::Put, &path, fields, Safety::Repeatable)
            .await?;
        Ok(())
    }

    /// Keeps what was done for a project's setup.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn report_setup(&self, id: i64, report: &SetupReport) -> Result<(), ClientError> {
        let path = format!("/projects/{id}/setup");
        let _protocol: Value = self.post(&path, report, Safety::Once).await?;
        Ok(())
    }
}
