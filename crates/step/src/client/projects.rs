//! The protocol API's routes for projects.
//!
//! Always so: what is not named stays as it is.

use millwright_core::protocol::Project;
use serde_json::Value;

use super::{CALL_LIMIT, Client, ClientError, Safety};
use crate::host::{Host, Method};

impl<H: Host> Client<'_, H> {
    /// A project, as the API shows it.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn project(&self, id: i64) -> Result<Project, ClientError> {
        self.get(&format!("/projects/{id}"), CALL_LIMIT).await
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
}
