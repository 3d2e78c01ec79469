//! What someone who holds a claim is to do: everything that the work needs, so that nothing else is asked.
//!
//! Always so: it is the same for work in the server and in a worker.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::telemetry::TOKENS_USED;
use super::{Answer, Gate, Kind, Snapshot, Step};

/// In a run's `template_config`: whether its branch was pushed to the project's repository, for other machines to work on.
pub const SHARED_BRANCH: &str = "branch_shared";

/// Whether a run's `template_config` says that its branch is in the project's repository.
pub fn is_shared_branch(template_config: &Value) -> bool {
    template_config.get(SHARED_BRANCH) == Some(&Value::Bool(true))
}

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
    /// The branch of its own; null where nobody chose one.
    #[serde(default)]
    pub branch: Option<String>,
    /// Where the project's repository is; null where it has none, or someone chose a worktree for the protocol.
    #[serde(default)]
    pub git_url: Option<String>,
    /// Whether the protocol's branch was pushed there.
    #[serde(default)]
    pub is_shared: bool,
    /// The worktree that was made for the protocol by whoever worked for it last, on whatever machine.
    #[serde(default)]
    pub worktree: Option<String>,
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
    /// What stands for what in prompts, as the spec says.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub placeholders: Map<String, Value>,
    /// What the spec's template says for all of its steps.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub template: Map<String, Value>,
    /// What people have answered about the step, its protocol and its project.
    #[serde(default)]
    pub answers: Vec<Answer>,
    /// What came of the last try, in a sentence; null before the first.
    #[serde(default)]
    pub last_summary: Option<String>,
    /// The tokens that were spent until now.
    #[serde(default)]
    pub spent: Spent,
    /// How often what its check found was mended since its own work was last done.
    #[serde(default)]
    pub auto_fix_attempts: u32,
}

/// Tokens that were spent, as far as they are on record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Spent {
    /// On the step.
    pub step: u64,
    /// On every step of its protocol.
    pub protocol: u64,
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
    /// The model that plans.
    pub planning_model: Option<String>,
    /// The engine that looks at the project when it is set up: `policy_overrides.discovery_engine_id`.
    pub discovery_engine_id: Option<String>,
    /// The model that does so: `default_models.discovery`.
    pub discovery_model: Option<String>,
    /// Whether the steps of a plan are each told in detail: `policy_overrides.decompose`; else they are where
    /// `default_models.decompose` names a model. Null where the project says nothing.
    pub decompose: Option<bool>,
    /// The model that does so.
    pub decompose_model: Option<String>,
    /// The model that checks.
    pub qa_model: Option<String>,
    /// The commands of the project's gates, `policy_overrides.gates`; null where it wants none. A gate that is not named
    /// is found out by the project's files.
    pub gates: BTreeMap<Gate, Option<String>>,
    /// The gates that are run over the protocol's branch for the verdict on the whole, `policy_overrides.quality_gates`:
    /// a list, or `true` for all; null where none are.
    pub quality_gates: Option<Vec<Gate>>,
    /// Whether prompts and outputs may lie outside of the workspace: `policy_overrides.allow_outside_paths`.
    pub allow_outside_paths: bool,
    /// Whether a spec may name prompts that are not there yet: `policy_overrides.allow_missing_prompts`.
    pub allow_missing_prompts: bool,
    /// Whether a failing verdict passes where nothing but files below `.protocols/` has changed:
    /// `policy_overrides.qa_pass_protocol_only`.
    pub qa_pass_protocol_only: bool,
}

impl ProjectDefaults {
    /// Reads a project's `default_models` and `policy_overrides`; what is not understood says nothing.
    pub fn of_project(default_models: Option<&Value>, policy_overrides: Option<&Value>) -> Self {
        let model = |stage: &str| text(default_models?.get(stage)?);
        let policy = |key: &str| policy_overrides?.get(key);
        let decompose = policy("decompose").and_then(Value::as_bool);
        let is_set = |key: &str| policy(key) == Some(&Value::Bool(true));
        Self {
            engine_id: policy("default_engine_id").and_then(text),
            model: model("exec").or_else(|| model("default")),
            planning_model: model("planning").or_else(|| model("default")),
            discovery_engine_id: policy("discovery_engine_id").and_then(text),
            discovery_model: model("discovery").or_else(|| model("default")),
            decompose: decompose.or_else(|| model("decompose").map(|_| true)),
            decompose_model: model("decompose").or_else(|| model("default")),
            qa_model: model("qa").or_else(|| model("default")),
            gates: policy("gates").map(gates).unwrap_or_default(),
            quality_gates: policy("quality_gates").and_then(gate_list),
            allow_outside_paths: is_set("allow_outside_paths"),
            allow_missing_prompts: is_set("allow_missing_prompts"),
            qa_pass_protocol_only: is_set("qa_pass_protocol_only"),
        }
    }
}

impl Spent {
    /// What is on record for a step and its protocol.
    pub fn of(snapshot: &Snapshot, step_run_id: i64) -> Self {
        let used = |step: &Step| step.runtime_state.get(TOKENS_USED).and_then(Value::as_u64);
        let of_step = snapshot.step(step_run_id).and_then(used);
        Self {
            step: of_step.unwrap_or_default(),
            protocol: snapshot.steps.iter().filter_map(used).sum(),
        }
    }

    /// With so many more.
    #[must_use]
    pub fn and(self, tokens: u64) -> Self {
        Self {
            step: self.step.saturating_add(tokens),
            protocol: self.protocol.saturating_add(tokens),
        }
    }
}

/// A gate's command; null, false and an empty text mean that the project wants none.
fn gates(configured: &Value) -> BTreeMap<Gate, Option<String>> {
    let of = |gate: Gate| match configured.get(gate.as_str())? {
        Value::Null | Value::Bool(false) => Some((gate, None)),
        Value::String(command) => Some((gate, Some(command.clone()).filter(|c| !c.is_empty()))),
        _ => None,
    };
    Gate::ALL.iter().filter_map(|gate| of(*gate)).collect()
}

/// A list of gates; `true` stands for all of them, and what is no gate is left out.
fn gate_list(value: &Value) -> Option<Vec<Gate>> {
    match value {
        Value::Bool(true) => Some(Gate::ALL.to_vec()),
        Value::Array(names) => {
            let known = |name: &Value| name.as_str()?.parse().ok();
            let gates: Vec<Gate> = names.iter().filter_map(known).collect();
            Some(gates).filter(|gates| !gates.is_empty())
        }
        _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    value
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}
