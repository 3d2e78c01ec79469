//! Step rows, brought to what a spec says.
//!
//! Always so: a row is its step's for good: one that has run keeps its id, its counts and what was found, also when the
//! spec drops its step, and one that is done keeps the entry that it was done by.

use std::collections::{BTreeMap, BTreeSet};

use millwright_core::protocol::{
    PlannedStep, ProtocolRun, StepChanges, StepRun, StepStatus, drop_steps,
};
use rusqlite::named_params;
use serde_json::Value;

use super::steps::NewStep;
use super::{StoreError, Tables};

impl Tables<'_> {
    /// Brings the rows to what the spec says: new ones are made, those that are not done are changed, and those that the
    /// spec has dropped go, or, where they have run, are cancelled.
    pub(super) fn sync_steps(
        &self,
        run: &ProtocolRun,
        spec: &Value,
        planned: &[PlannedStep],
    ) -> Result<StepChanges, StoreError> {
        let entries = entries(spec);
        let existing = self.steps(run.id)?;
        let mut changes = StepChanges {
            removed: self.drop_rows(run.id, &existing, planned)?,
            ..StepChanges::default()
        };
        let known: BTreeMap<&str, &StepRun> = existing
            .iter()
            .map(|step| (step.step_name.as_str(), step))
            .collect();
        let mut rows = Vec::with_capacity(planned.len());
        for step in planned {
            let written = entries.get(step.spec.id.as_str());
            let new = new_step(step, written.copied().cloned());
            rows.push(match known.get(step.spec.row_name()) {
                Some(old) => Row::Old(old, self.bring(old, &new)?),
                None => Row::New(self.insert_step(run.id, &new)?),
            });
        }
        let ids: Vec<i64> = rows.iter().map(Row::id).collect();
        for (step, row) in planned.iter().zip(&rows) {
            let linked = self.link(step, row, &ids)?;
            match row {
                Row::New(_) => changes.added += 1,
                Row::Old(_, differs) if *differs || linked => changes.changed += 1,
                Row::Old(..) => changes.kept += 1,
            }
        }
        Ok(changes)
    }

    /// Writes what differs of a row; says whether anything did.
    fn bring(&self, old: &StepRun, new: &NewStep) -> Result<bool, StoreError> {
        if old.status.is_done() {
            return self.move_step(old, new.step_index);
        }
        let same = old.step_index == new.step_index
            && old.step_type == new.step_type
            && old.model == new.model
            && old.engine_id == new.engine_id
            && old.policy == new.policy
            && self.step_spec(old.id)? == new.step_spec;
        if same {
            return Ok(false);
        }
        self.connection
            .prepare_cached(
                "UPDATE step_runs SET step_index = :step_index, step_type = :step_type, model = :model,
                     engine_id = :engine_id, policy = :policy, step_spec = :step_spec, updated_at = :now
                 WHERE id = :id",
            )?
            .execute(named_params! {
                ":id": old.id, ":step_index": new.step_index, ":step_type": new.step_type,
                ":model": new.model, ":engine_id": new.engine_id, ":policy": new.policy,
                ":step_spec": new.step_spec, ":now": self.now,
            })?;
        Ok(true)
    }

    fn move_step(&self, old: &StepRun, step_index: i64) -> Result<bool, StoreError> {
        if old.step_index == step_index {
            return Ok(false);
        }
        self.connection
            .prepare_cached("UPDATE step_runs SET step_index = ?2, updated_at = ?3 WHERE id = ?1")?
            .execute((old.id, step_index, self.now))?;
        Ok(true)
    }

    /// Writes what a step depends on, where that differs; says whether it did.
    fn link(&self, step: &PlannedStep, row: &Row<'_>, ids: &[i64]) -> Result<bool, StoreError> {
        let id_at = |index: &i64| ids.get(usize::try_from(*index).ok()?).copied();
        let needs: Vec<i64> = step.depends_on.iter().filter_map(id_at).collect();
        if let Row::Old(old, _) = row
            && old.depends_on.as_deref() == Some(&*needs)
        {
            return Ok(false);
        }
        self.connection
            .prepare_cached("UPDATE step_runs SET depends_on = ?2 WHERE id = ?1")?
            .execute((row.id(), Value::from(needs)))?;
        Ok(true)
    }

    /// Takes away the rows of steps that the spec has no more; says how many. Rows that were made by hand stay.
    fn drop_rows(
        &self,
        protocol_run_id: i64,
        existing: &[StepRun],
        planned: &[PlannedStep],
    ) -> Result<usize, StoreError> {
        let kept: BTreeSet<&str> = planned.iter().map(|step| step.spec.row_name()).collect();
        let mut delete = self.connection.prepare_cached(
            "DELETE FROM step_runs WHERE id = ?1
             AND NOT EXISTS (SELECT 1 FROM executions WHERE step_run_id = ?1)
             AND NOT EXISTS (SELECT 1 FROM events WHERE step_run_id = ?1)",
        )?;
        let (mut removed, mut have_run) = (0, Vec::new());
        for step in existing {
            let name = step.step_name.as_str();
            if kept.contains(name) || step.status.is_done() || self.step_spec(step.id)?.is_none() {
                continue;
            }
            let untouched = step.status == StepStatus::Pending && step.retries == 0;
            if !untouched || delete.execute([step.id])? == 0 {
                have_run.push(step.id);
            }
            removed += 1;
        }
        if !have_run.is_empty() {
            let seen = self.see(protocol_run_id)?;
            let decision = drop_steps(&seen.snapshot, &have_run)?;
            self.apply(&seen, &decision, None)?;
        }
        Ok(removed)
    }
}

/// A step's row, and whether it was changed.
enum Row<'a> {
    New(i64),
    Old(&'a StepRun, bool),
}

impl Row<'_> {
    fn id(&self) -> i64 {
        match self {
            Self::New(id) => *id,
            Self::Old(step, _) => step.id,
        }
    }
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
