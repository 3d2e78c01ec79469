//! Planning, and what people do to a protocol as a whole.
//!
//! Always so: a step that has run keeps its row, its status and its counts, whatever becomes of the spec.

use std::collections::{BTreeMap, BTreeSet};

use millwright_core::protocol::{
    Decision, Illegal, PlannedStep, ProtocolRun, Snapshot, StepRun, StepStatus, cancel, pause,
    planned, planned_steps, resume, spec_missing, spec_refused, start,
};
use rusqlite::named_params;
use serde_json::Value;

use super::runs::spec_of;
use super::steps::NewStep;
use super::{StoreError, Tables};

impl Tables<'_> {
    /// Starts a protocol: it is `planning` until [`Tables::plan`] was called.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] unless it is pending or planned.
    pub fn start(&self, id: i64) -> Result<ProtocolRun, StoreError> {
        self.decide(id, start)
    }

    /// Makes a started protocol's steps from its spec; where that is wrong, blocks it. Says how it stands.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] unless it is being planned.
    pub fn plan(&self, id: i64) -> Result<ProtocolRun, StoreError> {
        let seen = self.see(id)?;
        let run = self.protocol(id)?;
        let spec = run.template_config.as_ref().and_then(spec_of);
        let decision = match spec.map(|spec| (spec, planned_steps(spec))) {
            Some((spec, Ok(steps))) => {
                self.write_spec_meta(&run, &[])?;
                let created = self.make_steps(&run, spec, &steps)?;
                return self.finish_planning(&run, created);
            }
            Some((_, Err(errors))) => {
                let sentences: Vec<String> = errors.iter().map(ToString::to_string).collect();
                self.write_spec_meta(&run, &sentences)?;
                spec_refused(&seen.snapshot, &errors)?
            }
            None if seen.snapshot.steps.is_empty() => spec_missing(&seen.snapshot)?,
            None => return self.finish_planning(&run, 0),
        };
        self.apply(&seen, &decision, None)?;
        self.protocol(id)
    }

    fn finish_planning(
        &self,
        run: &ProtocolRun,
        created: usize,
    ) -> Result<ProtocolRun, StoreError> {
        let seen = self.see(run.id)?;
        let root = protocol_root(run);
        let decision = planned(&seen.snapshot, created, &root)?;
        self.apply(&seen, &decision, None)?;
        self.protocol(run.id)
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
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] when it is being planned or has ended.
    pub fn pause(&self, id: i64) -> Result<ProtocolRun, StoreError> {
        self.decide(id, pause)
    }

    /// Lets a paused protocol go on. One that was paused before it was planned gets its steps now.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] unless it is paused.
    pub fn resume(&self, id: i64) -> Result<ProtocolRun, StoreError> {
        let run = self.decide(id, resume)?;
        let spec = run.template_config.as_ref().and_then(spec_of);
        if let Some(spec) = spec
            && let Ok(steps) = planned_steps(spec)
        {
            self.make_steps(&run, spec, &steps)?;
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

    /// Brings the rows to what the spec says: new ones are made, those that have not run are changed, and those
    /// that the spec has dropped go unless they have run. Says how many are new.
    fn make_steps(
        &self,
        run: &ProtocolRun,
        spec: &Value,
        planned: &[PlannedStep],
    ) -> Result<usize, StoreError> {
        let entries = entries(spec);
        let existing = self.steps(run.id)?;
        self.drop_steps(&existing, planned)?;
        let known: BTreeMap<&str, &StepRun> = existing
            .iter()
            .map(|step| (step.step_name.as_str(), step))
            .collect();
        let mut ids = Vec::with_capacity(planned.len());
        for step in planned {
            let written = entries.get(step.spec.id.as_str());
            let new = new_step(step, written.copied().cloned());
            ids.push(match known.get(step.spec.row_name()) {
                Some(old) => self.change_step(old, &new)?,
                None => self.insert_step(run.id, &new)?,
            });
        }
        self.link_steps(planned, &ids)?;
        let old: BTreeSet<i64> = existing.iter().map(|step| step.id).collect();
        Ok(ids.iter().filter(|id| !old.contains(id)).count())
    }

    fn link_steps(&self, planned: &[PlannedStep], ids: &[i64]) -> Result<(), StoreError> {
        let id_at = |index: &i64| ids.get(usize::try_from(*index).ok()?).copied();
        let mut update = self
            .connection
            .prepare_cached("UPDATE step_runs SET depends_on = ?2 WHERE id = ?1")?;
        for (step, id) in planned.iter().zip(ids) {
            let needs: Vec<i64> = step.depends_on.iter().filter_map(id_at).collect();
            update.execute((id, Value::from(needs)))?;
        }
        Ok(())
    }

    fn change_step(&self, old: &StepRun, new: &NewStep) -> Result<i64, StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE step_runs SET step_index = :step_index, step_type = :step_type, model = :model,
                     engine_id = :engine_id, policy = :policy, step_spec = :step_spec,
                     parallel_group = :parallel_group, updated_at = :now
                 WHERE id = :id",
            )?
            .execute(named_params! {
                ":id": old.id, ":step_index": new.step_index, ":step_type": new.step_type,
                ":model": new.model, ":engine_id": new.engine_id, ":policy": new.policy,
                ":step_spec": new.step_spec, ":parallel_group": new.parallel_group, ":now": self.now,
            })?;
        Ok(old.id)
    }

    fn drop_steps(&self, existing: &[StepRun], planned: &[PlannedStep]) -> Result<(), StoreError> {
        let kept: BTreeSet<&str> = planned.iter().map(|step| step.spec.row_name()).collect();
        let mut delete = self.connection.prepare_cached(
            "DELETE FROM step_runs WHERE id = ?1 AND step_spec IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM executions WHERE step_run_id = ?1)
             AND NOT EXISTS (SELECT 1 FROM events WHERE step_run_id = ?1)",
        )?;
        for step in existing {
            let untouched = step.status == StepStatus::Pending && step.retries == 0;
            if untouched && !kept.contains(step.step_name.as_str()) {
                delete.execute([step.id])?;
            }
        }
        Ok(())
    }
}

/// A protocol's folder: as given, else `.protocols/<name>` in the workspace.
fn protocol_root(run: &ProtocolRun) -> String {
    let given = run.protocol_root.clone();
    given.unwrap_or_else(|| format!(".protocols/{}", run.protocol_name))
}

/// The steps' entries by id, as they were written, with the keys that nobody knows.
fn entries(spec: &Value) -> BTreeMap<&str, &Value> {
    let steps = spec.get("steps").and_then(Value::as_array);
    let steps = steps.into_iter().flatten();
    steps
        .filter_map(|step| Some((step.get("id")?.as_str()?, step)))
        .collect()
}

fn new_step(step: &PlannedStep, written: Option<Value>) -> NewStep {
    let spec = &step.spec;
    let policies = spec.policies.iter().cloned().map(Value::Object).collect();
    NewStep {
        step_index: step.index,
        step_name: spec.row_name().to_owned(),
        model: spec.model.clone(),
        engine_id: spec.engine_id.clone(),
        policy: (!spec.policies.is_empty()).then_some(Value::Array(policies)),
        step_spec: written,
        ..NewStep::of_type(step.step_type)
    }
}
