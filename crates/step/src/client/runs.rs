//! The refs API's routes for runs.
//!
//! Always so: each of them may be repeated; the records are `core::refs`'s.

use millwright_core::refs::{Artifact, FinishRun, Run, RunId, StartRun, UpsertArtifact};

use super::{Client, ClientError, Safety};
use crate::host::Host;

impl<H: Host> Client<'_, H> {
    /// Registers a run, or changes what is sent of a registered one.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn start_run(&self, run: &StartRun) -> Result<Run, ClientError> {
        // Without an id the API makes up one, and each sending would make another run.
        let safety = if run.run_id.is_some() {
            Safety::Repeatable
        } else {
            Safety::Once
        };
        self.post("/codex/runs/start", run, safety).await
    }

    /// Registers an artifact of a run, or changes the one of that name.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn upsert_artifact(
        &self,
        run: &RunId,
        artifact: &UpsertArtifact,
    ) -> Result<Artifact, ClientError> {
        let path = format!("/codex/runs/{run}/artifacts/upsert");
        self.post(&path, artifact, Safety::Repeatable).await
    }

    /// Says how a run ended.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn finish_run(&self, run: &RunId, outcome: &FinishRun) -> Result<Run, ClientError> {
        let path = format!("/codex/runs/{run}/finish");
        self.post(&path, outcome, Safety::Repeatable).await
    }
}
