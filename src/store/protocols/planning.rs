//! Planning, and what people do to a protocol as a whole.
//!
//! Always so: steps are made from a spec that was validated in the same transaction.

use millwright_core::protocol::{
    Decision, Files, Illegal, PlannedStep, ProtocolRun, Snapshot, SpecError, cancel, pause,
    planned, resume, spec_missing, spec_refused, start,
};
use serde_json::{Map, Value};

use super::decisions::Seen;
use super::planner::is_planned_anew;
use super::runs::spec_of;
use super::{StoreError, Tables};
use crate::spec;

impl Tables<'_> {
    /// Starts a protocol: it is `planning` until [`Tables::plan`] was called.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] unless it is pending or planned.
    pub fn start(&self, id: i64) -> Result<ProtocolRun, StoreError> {
        self.decide(id, start)
    }

    /// Makes a started protocol's steps from its spec; where that is wrong, blocks it. Says how it stands. `files` are what its
    /// work will find, where that is known.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] unless it is being planned.
    pub fn plan(&self, id: i64, files: Option<&dyn Files>) -> Result<ProtocolRun, StoreError> {
        if let Some(blocked) = self.hold_back_planning(id)? {
            return Ok(blocked);
        }
        let seen = self.see(id)?;
        let run = self.protocol(id)?;
        let Some(spec) = run.template_config.as_ref().and_then(spec_of) else {
            return self.plan_without_spec(&seen, &run);
        };
        match self.validated(&run, spec, None, files)? {
            Ok(steps) => {
                self.write_spec_meta(&run, &[])?;
                let changes = self.sync_steps(&run, spec, &steps)?;
                self.finish_planning(&run, changes.added)
            }
            Err(errors) => {
                self.write_spec_meta(&run, &errors)?;
                self.apply(&seen, &spec_refused(&seen.snapshot, &errors)?, None)?;
                self.protocol(id)
            }
        }
    }

    /// Steps that were made by hand are a plan too.
    fn plan_without_spec(&self, seen: &Seen, run: &ProtocolRun) -> Result<ProtocolRun, StoreError> {
        if !seen.snapshot.steps.is_empty() {
            return self.finish_planning(run, 0);
        }
        self.apply(seen, &spec_missing(&seen.snapshot)?, None)?;
        self.protocol(run.id)
    }

    fn finish_planning(
        &self,
        run: &ProtocolRun,
        created: usize,
    ) -> Result<ProtocolRun, StoreError> {
        let seen = self.see(run.id)?;
        let root = run.root();
        let details = planners_details(run);
        let decision = planned(&seen.snapshot, created, &root, details)?;
        self.apply(&seen, &decision, None)?;
        self.protocol(run.id)
    }

    /// The steps that a spec plans in a protocol's folders, or what is wrong with it.
    pub(super) fn validated(
        &self,
        run: &ProtocolRun,
        spec: &Value,
        engines: Option<&[&str]>,
        files: Option<&dyn Files>,
    ) -> Result<Result<Vec<PlannedStep>, Vec<SpecError>>, StoreError> {
        let project = self.project(run.project_id)?;
        Ok(spec::validate_in(run, &project, spec, engines, files))
    }

    /// The protocols that are being planned: those that a server left so are planned by the next one.
    ///
    /// # Errors
    /// The database's.
    pub fn being_planned(&self) -> Result<Vec<i64>, StoreError> {
        self.connection
            .prepare_cached("SELECT id FROM protocol_runs WHERE status = 'planning'")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()
            .map_err(StoreError::from)
    }

    /// Stops a protocol for a while.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] when it has ended.
    pub fn pause(&self, id: i64) -> Result<ProtocolRun, StoreError> {
        self.decide(id, pause)
    }

    /// Lets a paused protocol go on. One that was paused before it was planned gets its steps now, or, where it has no spec,
    /// is being planned: [`Tables::plan`] is to be called.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] unless it is paused.
    pub fn resume(&self, id: i64) -> Result<ProtocolRun, StoreError> {
        let run = self.protocol(id)?;
        let has_spec = run.template_config.as_ref().and_then(spec_of).is_some();
        let has_plan = has_spec || !self.steps(id)?.is_empty();
        let is_planned = has_plan && !is_planned_anew(&run);
        let run = self.decide(id, |snapshot| resume(snapshot, is_planned))?;
        if !is_planned {
            return Ok(run);
        }
        let spec = run.template_config.as_ref().and_then(spec_of);
        if let Some(spec) = spec
            && let Ok(steps) = self.validated(&run, spec, None, None)?
        {
            self.sync_steps(&run, spec, &steps)?;
        }
        Ok(run)
    }

    /// Ends a protocol and everything in it that is not done. What is being executed is marked as cancelled.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn cancel(&self, id: i64) -> Result<ProtocolRun, StoreError> {
        self.decide(id, cancel)
    }

    fn decide(
        &self,
        id: i64,
        decide: impl Fn(&Snapshot) -> Result<Decision, Illegal>,
    ) -> Result<ProtocolRun, StoreError> {
        let seen = self.see(id)?;
        let decision = decide(&seen.snapshot)?;
        self.apply(&seen, &decision, None)?;
        self.protocol(id)
    }
}

/// What a planner has on record: engine, models, versions of prompts, tokens.
fn planners_details(run: &ProtocolRun) -> Map<String, Value> {
    let planning = run
        .template_config
        .as_ref()
        .and_then(|config| config.get("planning")?.as_object());
    let known = ["engine_id", "models", "prompt_versions", "estimated_tokens"];
    let told = planning.into_iter().flatten();
    told.filter(|(key, _)| known.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
