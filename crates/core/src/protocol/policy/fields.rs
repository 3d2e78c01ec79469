//! A policy's fields, under every spelling that workspaces use.
//!
//! Always so: a field is looked for in the `behavior` object first, then beside it.

use serde_json::{Map, Value};

/// A policy, as it was written.
pub(super) struct Policy<'a> {
    fields: &'a Map<String, Value>,
    nested: Option<&'a Map<String, Value>>,
}

/// What a policy does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behavior {
    Loop,
    Trigger,
}

impl<'a> Policy<'a> {
    /// Reads a policy; what is none says so by its absence.
    pub(super) fn read(value: &'a Value) -> Option<Self> {
        value.as_object().map(Self::of)
    }

    fn of(fields: &'a Map<String, Value>) -> Self {
        let nested = fields.get("behavior").and_then(Value::as_object);
        Self { fields, nested }
    }

    /// Whether it loops or triggers: `behavior.type`, or `behavior` itself.
    pub(super) fn behavior(&self) -> Option<Behavior> {
        let word = match self.fields.get("behavior")? {
            Value::String(word) => word,
            Value::Object(nested) => nested.get("type")?.as_str()?,
            _ => return None,
        };
        match word.trim().to_lowercase().as_str() {
            "loop" => Some(Behavior::Loop),
            "trigger" => Some(Behavior::Trigger),
            _ => None,
        }
    }

    /// The name under which it is counted.
    pub(super) fn module_id(&self, otherwise: &str) -> String {
        let name = ["module_id", "id"]
            .iter()
            .find_map(|key| self.fields.get(*key)?.as_str());
        name.filter(|name| !name.is_empty())
            .unwrap_or(otherwise)
            .to_owned()
    }

    /// How far a loop goes back: at least one step.
    pub(super) fn step_back(&self) -> i64 {
        let steps = self.number(&["stepBack", "step_back"]).unwrap_or(1);
        steps.max(1)
    }

    /// How often a loop may go back; without it, without end.
    pub(super) fn max_iterations(&self) -> Option<i64> {
        self.number(&["maxIterations", "max_iterations"])
    }

    /// The indices of steps that a loop leaves alone.
    pub(super) fn skip_steps(&self) -> Vec<i64> {
        let lists = self.all(&["skip", "skipSteps", "skip_steps"]);
        lists
            .filter_map(Value::as_array)
            .flatten()
            .filter_map(Value::as_i64)
            .collect()
    }

    /// The agent whose step a trigger makes ready.
    pub(super) fn target_agent(&self) -> Option<&'a str> {
        const SPELLINGS: [&str; 4] = [
            "trigger_agent_id",
            "triggerAgentId",
            "target_agent_id",
            "targetAgentId",
        ];
        SPELLINGS
            .iter()
            .find_map(|key| self.first(key)?.as_str())
            .filter(|agent| !agent.is_empty())
    }

    /// The values of these keys, in the behavior object and beside it.
    pub(super) fn all(&self, keys: &'a [&'a str]) -> impl Iterator<Item = &'a Value> {
        let places = self.nested.into_iter().chain(Some(self.fields));
        places.flat_map(move |place| keys.iter().filter_map(|key| place.get(*key)))
    }

    fn first(&self, key: &str) -> Option<&'a Value> {
        let nested = self.nested.and_then(|nested| nested.get(key));
        nested.or_else(|| self.fields.get(key))
    }

    fn number(&self, keys: &[&str]) -> Option<i64> {
        keys.iter().find_map(|key| self.first(key)?.as_i64())
    }
}

/// Whether a policy is a trigger.
pub(in crate::protocol) fn is_trigger(policy: &Map<String, Value>) -> bool {
    Policy::of(policy).behavior() == Some(Behavior::Trigger)
}

/// The agent whose step a trigger makes ready, where it names one.
pub(in crate::protocol) fn target_agent(policy: &Map<String, Value>) -> Option<&str> {
    Policy::of(policy).target_agent()
}
