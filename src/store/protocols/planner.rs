//! What a planner comes to: a spec, or a failure.
//!
//! Always so: the spec is validated like any other before steps are made from it.

use millwright_core::protocol::{ProtocolRun, planner_failed, spec_hash};
use serde_json::{Map, Value};

use super::{StoreError, Tables};

/// Why a planner has no spec.
#[derive(Debug, Clone)]
pub struct PlanningFailure {
    /// In a sentence.
    pub error: String,
    /// The kind of failure.
    pub error_type: String,
    /// The engine that was asked, or was to be.
    pub engine_id: Option<String>,
    /// What that wrote to stderr.
    pub stderr: Option<String>,
}

impl PlanningFailure {
    /// The planner itself did not come to its end.
    pub fn unexpected() -> Self {
        Self {
            error: "the planner ended unexpectedly: the server's log says more".to_owned(),
            error_type: "Unexpected".to_owned(),
            engine_id: None,
            stderr: None,
        }
    }
}

impl Tables<'_> {
    /// Blocks a started protocol whose planning waits for answers. Says whether it did.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn planning_awaits_answers(&self, id: i64) -> Result<bool, StoreError> {
        Ok(self.hold_back_planning(id)?.is_some())
    }

    /// Plans a started protocol by a spec that a planner has made. `details` go on record with the event.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] unless it is being planned.
    pub fn plan_as(
        &self,
        id: i64,
        spec: Value,
        details: Map<String, Value>,
    ) -> Result<ProtocolRun, StoreError> {
        let run = self.protocol(id)?;
        let mut config = match run.template_config {
            Some(Value::Object(config)) => config,
            _ => Map::new(),
        };
        let hash = spec_hash(&spec);
        config.insert("protocol_spec".to_owned(), spec);
        config.insert("planning".to_owned(), Value::Object(details));
        self.connection
            .prepare_cached(
                "UPDATE protocol_runs SET template_config = ?2, spec_hash = ?3, updated_at = ?4 WHERE id = ?1",
            )?
            .execute((id, Value::Object(config), hash, self.now))?;
        self.plan(id)
    }

    /// Blocks a started protocol that has no plan.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] unless it is being planned.
    pub fn planning_failed(
        &self,
        id: i64,
        failure: &PlanningFailure,
    ) -> Result<ProtocolRun, StoreError> {
        let seen = self.see(id)?;
        let mut details = Map::new();
        let stderr = failure.stderr.as_ref();
        for (key, value) in [
            ("engine_id", failure.engine_id.as_ref()),
            ("stderr", stderr),
        ] {
            details.extend(value.map(|value| (key.to_owned(), value.as_str().into())));
        }
        let decision =
            planner_failed(&seen.snapshot, &failure.error, &failure.error_type, details)?;
        self.apply(&seen, &decision, None)?;
        self.protocol(id)
    }
}
