//! The files that work has left, registered with the run that it belongs to.
//!
//! Always so: where nobody has registered a run there is none to register them with, and that is no failure.

use std::path::Path;

use millwright_core::protocol::ExecutionStarted;
use millwright_core::refs::UpsertArtifact;

use super::{StoreError, Tables};
use crate::store::artifacts;

/// So many files of one report are registered.
const MOST_FILES: usize = 64;

impl Tables<'_> {
    /// Registers an execution's log with the run of the flow that claimed the step, where there is such a run.
    ///
    /// # Errors
    /// The database's.
    pub fn register_log(&self, started: &ExecutionStarted, log: &Path) -> Result<(), StoreError> {
        let Some(run_id) = self.run_of_holder(started.step_run_id)? else {
            return Ok(());
        };
        let (_, short) = started
            .execution_id
            .split_at(started.execution_id.len() - 8);
        let artifact = UpsertArtifact {
            name: format!("step.{}.{}.{short}.log", started.step_run_id, started.kind),
            kind: "log".to_owned(),
            path: log.display().to_string(),
            sha256: None,
            bytes: None,
        };
        artifacts::upsert(self.connection, &run_id, &artifact, self.now)?;
        Ok(())
    }

    /// Registers files with the run of the flow or the job that claimed the step, where there is such a run. What could
    /// not be registered over the API is left out.
    pub(super) fn register_artifacts(
        &self,
        step_run_id: i64,
        files: &[UpsertArtifact],
    ) -> Result<(), StoreError> {
        if files.is_empty() {
            return Ok(());
        }
        let Some(run_id) = self.run_of_holder(step_run_id)? else {
            return Ok(());
        };
        let fits = |file: &&UpsertArtifact| {
            (1..=200).contains(&file.name.len()) && (1..=4096).contains(&file.path.len())
        };
        for file in files.iter().filter(fits).take(MOST_FILES) {
            artifacts::upsert(self.connection, &run_id, file, self.now)?;
        }
        Ok(())
    }
}
