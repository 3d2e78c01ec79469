//! A protocol run as it stands at one moment: what decisions are computed from.
//!
//! Always so: the steps are in the order of their indices.

use serde_json::{Map, Value};

use super::policy::triggered;
use super::{Clarification, Illegal, ProtocolStatus, QaPolicy, StepAction, StepStatus};

/// Where a step's runtime state counts how often its work broke off.
pub(super) const LAPSES: &str = "lapses";

/// A protocol run and its steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The protocol run's id.
    pub protocol_run_id: i64,
    /// Its project's id.
    pub project_id: i64,
    /// The project's repository, as the project names it.
    pub git_url: Option<String>,
    /// The folder that its work is done in, or beside; none where nobody named one.
    pub folder: Option<String>,
    /// How the protocol stands.
    pub status: ProtocolStatus,
    /// The hash of its spec.
    pub spec_hash: Option<String>,
    /// The spec's template; null where it has none.
    pub template: Value,
    /// Its steps, by index.
    pub steps: Vec<Step>,
    /// The open questions that hold back some of it.
    pub questions: Vec<Clarification>,
}

/// A step run, as far as decisions need it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The step run's id.
    pub id: i64,
    /// Its place.
    pub index: i64,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub status: StepStatus,
    /// How often someone had it tried again.
    pub retries: i64,
    /// The step runs that have to be completed before it.
    pub depends_on: Vec<i64>,
    /// Its policies.
    pub policies: Vec<Value>,
    /// How its output is checked.
    pub qa: QaPolicy,
    /// What policies count, and what the check found.
    pub runtime_state: Map<String, Value>,
    /// What came of it, in a sentence.
    pub summary: Option<String>,
    /// Whether someone holds a claim on it.
    pub claimed: bool,
}

impl Snapshot {
    /// The step with an id.
    pub fn step(&self, id: i64) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    pub(super) fn step_mut(&mut self, id: i64) -> Option<&mut Step> {
        self.steps.iter_mut().find(|step| step.id == id)
    }
}

impl Step {
    /// Does to the step what its status allows, and gives the status after it.
    pub(super) fn take(&mut self, action: StepAction) -> Result<StepStatus, Illegal> {
        let before = self.status;
        self.status = before.after(self.id, action)?;
        let is_sent_back = action == StepAction::SendBack && before != StepStatus::Pending;
        if is_sent_back || self.status.is_done() {
            triggered::forget(self);
        }
        Ok(self.status)
    }
}
