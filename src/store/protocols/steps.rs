//! Step runs.
//!
//! Always so: a step's name is unique in its protocol, and a list is in the order of the indices.

use millwright_core::protocol::{StepRun, StepStatus, StepType};
use rusqlite::{OptionalExtension, Row, named_params};
use serde_json::{Map, Value};

use super::{StoreError, Tables, word};
use crate::store::Timestamp;

/// A step run that is to be made.
#[derive(Debug, Clone, Default)]
pub struct NewStep {
    /// Its place.
    pub step_index: i64,
    /// Its name.
    pub step_name: String,
    /// What it is for; a word of the caller's.
    pub step_type: String,
    /// The model that its engine uses.
    pub model: Option<String>,
    /// The engine that runs it.
    pub engine_id: Option<String>,
    /// Its policies.
    pub policy: Option<Value>,
    /// The step runs that have to be completed before it.
    pub depends_on: Option<Vec<i64>>,
    /// The group of steps that run beside it.
    pub parallel_group: Option<String>,
    /// Its entry in the spec.
    pub step_spec: Option<Value>,
}

impl Tables<'_> {
    /// Makes a step run.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the protocol is, [`StoreError::Conflict`] where its name is taken,
    /// [`StoreError::Missing`] where it depends on a step that is none of the protocol's.
    pub fn create_step(&self, protocol_run_id: i64, new: &NewStep) -> Result<StepRun, StoreError> {
        self.protocol(protocol_run_id)?;
        let steps = self.steps(protocol_run_id)?;
        if steps.iter().any(|step| step.step_name == new.step_name) {
            let name = &new.step_name;
            return Err(StoreError::Conflict(format!(
                "the protocol has a step {name:?} already"
            )));
        }
        for id in new.depends_on.iter().flatten() {
            if !steps.iter().any(|step| step.id == *id) {
                return Err(StoreError::Missing(format!(
                    "depends_on: step {id} is none of this protocol's"
                )));
            }
        }
        let id = self.insert_step(protocol_run_id, new)?;
        self.step(id)
    }

    pub(super) fn insert_step(
        &self,
        protocol_run_id: i64,
        new: &NewStep,
    ) -> Result<i64, StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO step_runs (protocol_run_id, step_index, step_name, step_type, status, model,
                     engine_id, policy, step_spec, retries, depends_on, parallel_group, created_at, updated_at)
                 VALUES (:protocol_run_id, :step_index, :step_name, :step_type, :status, :model,
                     :engine_id, :policy, :step_spec, 0, :depends_on, :parallel_group, :now, :now)",
            )?
            .execute(named_params! {
                ":protocol_run_id": protocol_run_id, ":step_index": new.step_index,
                ":step_name": new.step_name, ":step_type": new.step_type,
                ":status": StepStatus::Pending.as_str(), ":model": new.model,
                ":engine_id": new.engine_id, ":policy": new.policy, ":step_spec": new.step_spec,
                ":depends_on": new.depends_on.as_ref().map(|ids| Value::from(ids.clone())),
                ":parallel_group": new.parallel_group, ":now": self.now,
            })?;
        Ok(self.connection.last_insert_rowid())
    }

    /// A step run.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn step(&self, id: i64) -> Result<StepRun, StoreError> {
        self.connection
            .prepare_cached("SELECT * FROM step_runs WHERE id = ?1")?
            .query_row([id], from_row)
            .optional()?
            .ok_or(StoreError::NotFound("Step"))
    }

    /// The step runs of a protocol run.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the protocol is.
    pub fn steps_of(&self, protocol_run_id: i64) -> Result<Vec<StepRun>, StoreError> {
        self.protocol(protocol_run_id)?;
        self.steps(protocol_run_id)
    }

    pub(super) fn steps(&self, protocol_run_id: i64) -> Result<Vec<StepRun>, StoreError> {
        self.connection
            .prepare_cached(
                "SELECT * FROM step_runs WHERE protocol_run_id = ?1 ORDER BY step_index, id",
            )?
            .query_map([protocol_run_id], from_row)?
            .collect::<Result<_, _>>()
            .map_err(StoreError::from)
    }

    /// Gives a step to an agent.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn assign_agent(&self, id: i64, agent: &str) -> Result<StepRun, StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE step_runs SET assigned_agent = ?2, updated_at = ?3 WHERE id = ?1",
            )?
            .execute((id, agent, self.now))?;
        self.step(id)
    }

    /// A step's entry in the spec, as it was when the steps were last made from it.
    pub(super) fn step_spec(&self, id: i64) -> Result<Option<Value>, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT step_spec FROM step_runs WHERE id = ?1")?
            .query_row([id], |row| row.get(0))?)
    }
}

impl NewStep {
    /// The row's word for a type.
    pub(super) fn of_type(step_type: StepType) -> Self {
        Self {
            step_type: step_type.as_str().to_owned(),
            ..Self::default()
        }
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<StepRun> {
    let time = |column| Ok::<_, rusqlite::Error>(row.get::<_, Timestamp>(column)?.to_row_text());
    let depends_on: Option<Value> = row.get("depends_on")?;
    Ok(StepRun {
        step_index: row.get("step_index")?,
        step_name: row.get("step_name")?,
        step_type: row.get("step_type")?,
        status: word(row, "status")?,
        model: row.get("model")?,
        summary: row.get("summary")?,
        engine_id: row.get("engine_id")?,
        policy: row.get("policy")?,
        id: row.get("id")?,
        protocol_run_id: row.get("protocol_run_id")?,
        retries: row.get("retries")?,
        runtime_state: runtime_state(row)?,
        created_at: time("created_at")?,
        updated_at: time("updated_at")?,
        assigned_agent: row.get("assigned_agent")?,
        depends_on: depends_on.map(|ids| ints(&ids)),
        parallel_group: row.get("parallel_group")?,
    })
}

/// What policies count and checks found.
pub(super) fn runtime_state(row: &Row<'_>) -> rusqlite::Result<Option<Map<String, Value>>> {
    let state: Option<Value> = row.get("runtime_state")?;
    Ok(match state {
        Some(Value::Object(map)) => Some(map),
        _ => None,
    })
}

/// The whole numbers in a list.
pub(super) fn ints(list: &Value) -> Vec<i64> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(Value::as_i64).collect()
}
