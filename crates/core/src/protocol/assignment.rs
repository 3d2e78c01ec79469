//! What someone who holds a claim is to do: everything that the work needs, so that nothing else is asked.
//!
//! Always so: it is the same for work in the server and in a worker.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Gate, Kind};

/// A claim on a step: a lease that its holder renews.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Claim {
    /// The step run.
    pub step_run_id: i64,
    /// Names the claim; whoever shows it is its holder.
    pub claim: String,
    /// How long it lasts from now unless it is renewed.
    pub lease_seconds: u64,
}

/// The answer to the beginning of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Begun {
    /// The claim that the work goes on under.
    pub claim: Claim,
    /// Which half of the step's work.
    pub kind: Kind,
    /// The work.
    pub assignment: Assignment,
}

/// The work on one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Assignment {
    /// The step run.
    pub step_run_id: i64,
    /// Its place.
    pub step_index: i64,
    /// Its name.
    pub step_name: String,
    /// The protocol run.
    pub protocol_run_id: i64,
    /// Its name.
    pub protocol_name: String,
    /// The project.
    pub project_id: i64,
    /// The folder of the project's files: the protocol's worktree, else the project's checkout.
    pub workspace: Option<String>,
    /// The protocol's folder; `.protocols/<name>` in the workspace when null.
    pub protocol_root: Option<String>,
    /// The branch that the protocol begins from.
    pub base_branch: String,
    /// The step's entry in the spec; null when the spec does not know it.
    pub step_spec: Option<Value>,
    /// The spec's hash.
    pub spec_hash: Option<String>,
    /// The engine that the step run names, after the spec.
    pub engine_id: Option<String>,
    /// The model that the step run names, after the spec.
    pub model: Option<String>,
    /// What the project says where the step does not.
    pub defaults: ProjectDefaults,
}

/// What a project says for all of its steps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ProjectDefaults {
    /// The engine.
    pub engine_id: Option<String>,
    /// The model that executes.
    pub model: Option<String>,
    /// The model that checks.
    pub qa_model: Option<String>,
    /// The commands of the gates that the project has: `policy_overrides.gates`.
    pub gates: BTreeMap<Gate, String>,
}

impl ProjectDefaults {
    /// Reads a project's `default_models` and `policy_overrides`; what is not understood says nothing.
    pub fn of_project(default_models: Option<&Value>, policy_overrides: Option<&Value>) -> Self {
        let model = |stage: &str| text(default_models?.get(stage)?);
        let gate = |gate: Gate| text(policy_overrides?.get("gates")?.get(gate.as_str())?);
        Self {
            engine_id: policy_overrides
                .and_then(|policy| policy.get("default_engine_id"))
                .and_then(text),
            model: model("exec").or_else(|| model("default")),
            qa_model: model("qa").or_else(|| model("default")),
            gates: Gate::ALL
                .iter()
                .filter_map(|id| Some((*id, gate(*id)?)))
                .collect(),
        }
    }
}

fn text(value: &Value) -> Option<String> {
    value
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}
