//! What work used and spent, as it is reported and put on record.
//!
//! Always so: what is spent on a step is added up in its runtime state, whoever spends it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Decision, Outputs};

/// Where a step's runtime state keeps the tokens that were spent on it.
pub(super) const TOKENS_USED: &str = "tokens_used";

/// What is said of all work, be it null.
const ALWAYS: [&str; 5] = [
    "engine_id",
    "model",
    "prompt_versions",
    "estimated_tokens",
    "outputs",
];

/// What work used and spent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Telemetry {
    /// The engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine_id: Option<String>,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The prompt's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_path: Option<String>,
    /// The versions of the prompts, by use.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub prompt_versions: BTreeMap<String, String>,
    /// The agent that the step belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The protocol's worktree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worktree_path: Option<String>,
    /// Whether the protocol's branch is in the project's repository, for other machines to work on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch_shared: Option<bool>,
    /// The protocol's folder, where this work has made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_root_made: Option<String>,
    /// Where the output was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Outputs>,
    /// Tokens, by the rule of four characters each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_tokens: Option<u64>,
    /// Tokens as the engine counted them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
    /// What it cost in US cents, as the engine says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_cents: Option<f64>,
    /// How long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<f64>,
    /// The Windmill or mill job that it ran in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// The budget that it went beyond, where that is only to be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_warning: Option<String>,
}

/// Tokens by use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Tokens {
    /// Those that went in, cached ones among them.
    pub input: u64,
    /// Those of them that came from a cache.
    pub cached_input: u64,
    /// Those that came out, those of reasoning among them.
    pub output: u64,
    /// Those of them that were spent on reasoning.
    pub reasoning: u64,
}

impl Tokens {
    /// Those that went in and those that came out.
    pub fn sum(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

impl Telemetry {
    /// What was spent: as the engine counted it, else as it is estimated.
    pub fn spent_tokens(&self) -> u64 {
        match &self.tokens {
            Some(tokens) => tokens.sum(),
            None => self.estimated_tokens.unwrap_or_default(),
        }
    }

    /// Its entries in an event's metadata. What is always said is null where it is not known.
    pub fn entries(&self) -> Map<String, Value> {
        let mut entries = match serde_json::to_value(self) {
            Ok(Value::Object(entries)) => entries,
            _ => Map::new(),
        };
        // It has an event of its own.
        entries.shift_remove("protocol_root_made");
        for name in ALWAYS {
            entries.entry(name).or_insert(Value::Null);
        }
        entries
    }
}

/// Adds what was spent to what the step has spent.
pub(super) fn spend(decision: &mut Decision, id: i64, telemetry: &Telemetry) {
    let spent = telemetry.spent_tokens();
    let state = decision.after.step(id).map(|step| &step.runtime_state);
    let before = state.and_then(|state| state.get(TOKENS_USED)?.as_u64());
    if spent > 0 {
        let sum = before.unwrap_or_default().saturating_add(spent);
        decision.remember(id, TOKENS_USED, sum);
    }
}
