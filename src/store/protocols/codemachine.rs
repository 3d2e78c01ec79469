//! Workspaces that become protocols.
//!
//! Always so: what came of an import is on record in the transaction that keeps its spec.

use millwright_core::protocol::Files;
use millwright_core::protocol::import::codemachine::{
    Problem, import_enqueued, import_failed, imported,
};
use serde_json::Value;

use super::{ImportedSpec, StoreError, Tables};

impl Tables<'_> {
    /// Puts on record that an import waits.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn codemachine_enqueued(
        &self,
        id: i64,
        job_id: &str,
        workspace: &str,
    ) -> Result<(), StoreError> {
        self.protocol(id)?;
        self.write_event(id, &import_enqueued(job_id, workspace))
    }

    /// Takes the spec of a workspace.
    ///
    /// # Errors
    /// As [`Tables::import_spec`].
    pub fn codemachine_imported(
        &self,
        id: i64,
        workspace: &str,
        spec: &Value,
        engines: &[&str],
        files: Option<&dyn Files>,
    ) -> Result<ImportedSpec, StoreError> {
        let taken = self.import_spec(id, spec, Some("codemachine"), engines, files)?;
        let is_valid = taken.errors.is_empty();
        let event = imported(
            workspace,
            spec,
            &taken.spec_hash,
            is_valid,
            taken.steps.added,
        );
        self.write_event(id, &event)?;
        Ok(taken)
    }

    /// Blocks the protocol of a workspace that gives no spec.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] when the protocol has ended.
    pub fn codemachine_failed(&self, id: i64, problems: &[Problem]) -> Result<(), StoreError> {
        let seen = self.see(id)?;
        let decision = import_failed(&seen.snapshot, problems)?;
        self.apply(&seen, &decision, None)
    }
}
