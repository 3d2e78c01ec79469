//! What a planner comes to: a spec, or a failure.
//!
//! Always so: the spec is validated like any other before steps are made from it.

use millwright_core::protocol::{ProtocolRun, planner_failed, replan, spec_hash};
use serde_json::{Map, Value};

use super::runs::spec_of;
use super::{StoreError, Tables};

/// What a planner has on record, in a run's `template_config`.
const PLANNING: &str = "planning";
/// Whether another plan is wanted, there.
const REPLAN: &str = "replan";

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

    /// Has a protocol planned anew: it is `planning` until [`Tables::plan_as`] was called. Until then it keeps its plan.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] where a step has begun, or the spec was given and not planned.
    pub fn replan(&self, id: i64) -> Result<ProtocolRun, StoreError> {
        let run = self.protocol(id)?;
        let config = run.template_config.as_ref();
        let was_given = config
            .is_some_and(|config| spec_of(config).is_some() && config.get(PLANNING).is_none());
        if was_given {
            let problem = "its spec was given and not planned: give it another one";
            return Err(StoreError::Conflict(problem.to_owned()));
        }
        let seen = self.see(id)?;
        self.apply(&seen, &replan(&seen.snapshot)?, None)?;
        self.write_config(&run, [(REPLAN, Value::Bool(true))])?;
        self.protocol(id)
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
        config.insert(PLANNING.to_owned(), Value::Object(details));
        config.shift_remove(REPLAN);
        self.connection
            .prepare_cached(
                "UPDATE protocol_runs SET template_config = ?2, spec_hash = ?3, updated_at = ?4 WHERE id = ?1",
            )?
            .execute((id, Value::Object(config), hash, self.now))?;
        self.plan(id, None)
    }

    /// Blocks a started protocol that has no plan; one that was to be planned anew keeps the plan that it has.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] unless it is being planned.
    pub fn planning_failed(
        &self,
        id: i64,
        failure: &PlanningFailure,
    ) -> Result<ProtocolRun, StoreError> {
        let seen = self.see(id)?;
        let run = self.protocol(id)?;
        let has_plan = is_planned_anew(&run) && !seen.snapshot.steps.is_empty();
        self.write_config(&run, [(REPLAN, Value::Bool(false))])?;
        let mut details = Map::new();
        let stderr = failure.stderr.as_ref();
        for (key, value) in [
            ("engine_id", failure.engine_id.as_ref()),
            ("stderr", stderr),
        ] {
            details.extend(value.map(|value| (key.to_owned(), value.as_str().into())));
        }
        let (error, kind) = (&failure.error, &failure.error_type);
        let decision = planner_failed(&seen.snapshot, error, kind, details, has_plan)?;
        self.apply(&seen, &decision, None)?;
        self.protocol(id)
    }
}

/// Whether another plan is wanted for a protocol.
pub fn is_planned_anew(run: &ProtocolRun) -> bool {
    let config = run.template_config.as_ref();
    config.is_some_and(|config| config.get(REPLAN) == Some(&Value::Bool(true)))
}
