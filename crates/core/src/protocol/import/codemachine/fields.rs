//! An entry's fields, under every spelling that workspaces use.
//!
//! Always so: what a workflow says comes before what the agent's entry says, and null says nothing.

use serde_json::{Map, Value};

/// An entry in layers: the first one that has a field gives it.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields<'a>(Vec<&'a Map<String, Value>>);

pub(super) const ID: &[&str] = &["id", "agentId", "agent_id"];
pub(super) const NAME: &[&str] = &["agentName", "name"];
pub(super) const PROMPT: &[&str] = &["promptPath", "prompt_path", "prompt", "path"];
pub(super) const CHAINED: &[&str] = &["chainedPromptsPath", "chained_prompts_path"];
pub(super) const ENGINE: &[&str] = &["engine", "engineId", "engine_id"];
pub(super) const MIRROR: &[&str] = &["mirrorPath", "mirror_path"];
pub(super) const EFFORT: &[&str] = &["modelReasoningEffort", "model_reasoning_effort"];
pub(super) const EXECUTE_ONCE: &[&str] = &["executeOnce", "execute_once"];
pub(super) const ANY_CONDITION: &[&str] = &["conditionsAny", "conditions_any"];

impl<'a> Fields<'a> {
    pub(super) fn of(layers: impl IntoIterator<Item = &'a Map<String, Value>>) -> Self {
        Self(layers.into_iter().collect())
    }

    /// These layers, and others below them.
    pub(super) fn or(mut self, below: &Self) -> Self {
        self.0.extend(&below.0);
        self
    }

    /// A field that is there and not null.
    pub(super) fn get(&self, keys: &[&str]) -> Option<&'a Value> {
        let mut layers = self.0.iter();
        layers.find_map(|layer| {
            let mut values = keys.iter().filter_map(|key| layer.get(*key));
            values.find(|value| !value.is_null())
        })
    }

    /// A text that is not blank.
    pub(super) fn text(&self, keys: &[&str]) -> Option<&'a str> {
        let text = self.get(keys)?.as_str()?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// A whole number; JavaScript's fractions are cut off.
    pub(super) fn number(&self, keys: &[&str]) -> Option<i64> {
        let value = self.get(keys)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a number beyond i64 becomes the nearest, as any other bound would do"
        )]
        let whole = |number: f64| number.trunc() as i64;
        value.as_i64().or_else(|| value.as_f64().map(whole))
    }

    pub(super) fn is_set(&self, keys: &[&str]) -> bool {
        self.get(keys) == Some(&Value::Bool(true))
    }

    /// The texts of a text or a list of texts.
    pub(super) fn texts(&self, keys: &[&str]) -> Vec<&'a str> {
        self.get(keys).map(texts_of).unwrap_or_default()
    }
}

/// The texts of a text or a list of texts.
pub(super) fn texts_of(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
