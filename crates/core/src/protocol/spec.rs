//! ProtocolSpec and StepSpec: the one description of what a protocol run does.
//!
//! Always so: these types are a view. Keys that they do not know are allowed, except in `outputs`, and stay in
//! the JSON that the spec was read from, which is what is stored and hashed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::{Gate, StepType, schema, words::words};

/// The checking prompt that comes with millwright.
pub const QUALITY_PROMPT: &str = "prompts/quality-validator.prompt.md";
/// The mending prompt that comes with millwright.
pub const AUTO_FIX_PROMPT: &str = "prompts/auto-fix.prompt.md";

words! {
    /// What becomes of a step's output after it ran.
    QaPolicy is a "QA policy" {
        /// It is not checked: a declared decision.
        Skip = "skip",
        /// Its check runs right after it.
        Light = "light",
        /// Its check is work of its own.
        Full = "full",
    }
}

/// What a protocol run does: the value of `template_config.protocol_spec`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProtocolSpec {
    /// The steps, at least one.
    #[schemars(length(min = 1))]
    pub steps: Vec<StepSpec>,
    /// The version of this format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub version: Option<String>,
    /// What stands for what in prompts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Map<String, Value>")]
    pub placeholders: Option<Map<String, Value>>,
    /// The template that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Map<String, Value>>,
    /// Anything that its author keeps with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = schema::of_step)]
pub struct StepSpec {
    /// Names the step in the spec.
    pub id: String,
    /// The prompt: a file, absolute or below the protocol's root or the workspace. For the engine `shell`, an executable.
    pub prompt_ref: String,
    /// The engine that runs it; null means the default.
    #[serde(deserialize_with = "required")]
    #[schemars(schema_with = "schema::text_or_null")]
    pub engine_id: Option<String>,
    /// How its output is checked.
    pub qa: QaSpec,
    /// The step's name; its id when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// What it is for, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The model that the engine uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Where its output goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Outputs")]
    pub outputs: Option<Outputs>,
    /// Its type; by its name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::step_type")]
    pub step_type: Option<StepType>,
    /// Loop and trigger policies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Map<String, Value>>,
    /// The ids of the steps that have to be completed before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// Its place among the steps; by default where it stands in the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub order: Option<i64>,
    /// What the prompt is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Map<String, Value>>,
    /// Anything that its author keeps with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// How long its engine may work.
    #[serde(
        default,
        alias = "exec_timeout_seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub timeout_seconds: Option<u32>,
}

/// How a step's output is checked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QaSpec {
    /// Whether and how thoroughly; null means `full`.
    #[serde(deserialize_with = "required")]
    #[schemars(schema_with = "schema::qa_policy")]
    pub policy: Option<QaPolicy>,
    /// The checking prompt; by default the workspace's `prompts/quality-validator.prompt.md`, else
    /// the one that comes with millwright.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The model that checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The engine that checks; by default the step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_id: Option<String>,
    /// What the prompt is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Map<String, Value>>,
    /// The gates that are run first; by default all that the project has, and none in a light check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gates: Option<Vec<Gate>>,
    /// The prompt that mends what linters and formatters find; for the engine `shell`, an executable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix_prompt: Option<String>,
}

/// Where a step's output goes: the same bytes to each place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Outputs {
    /// The step's own file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub protocol: Option<String>,
    /// More files, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aux: BTreeMap<String, String>,
}

impl StepSpec {
    /// The name of the step's row.
    pub fn row_name(&self) -> &str {
        self.name
            .as_deref()
            .filter(|name| !name.is_empty())
            .unwrap_or(&self.id)
    }
}

impl QaSpec {
    /// The policy, where null means `full`.
    pub fn effective(&self) -> QaPolicy {
        self.policy.unwrap_or(QaPolicy::Full)
    }
}

/// A key that has to be there, though it may be null.
fn required<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}
