//! Conditions of policies: for which reasons a policy applies.
//!
//! Always so: a policy without conditions applies always, and words are compared trimmed and in lower case.

use serde_json::Value;

use super::Reason;
use super::fields::Policy;

/// The words that a policy gives under `condition` and `conditions`.
pub(super) fn tokens(policy: &Policy<'_>) -> Vec<String> {
    let mut tokens = Vec::new();
    for value in policy.all(&["condition", "conditions"]) {
        collect(value, &mut tokens);
    }
    tokens
}

/// Whether a reason is among them.
pub(super) fn holds(tokens: &[String], reason: Reason) -> bool {
    tokens.is_empty() || tokens.iter().any(|token| token == reason.as_str())
}

fn collect(value: &Value, tokens: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let token = text.trim().to_lowercase();
            if !token.is_empty() {
                tokens.push(token);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, tokens)),
        Value::Object(map) => ["on", "reason", "event", "when", "name"]
            .iter()
            .filter_map(|key| map.get(*key))
            .for_each(|item| collect(item, tokens)),
        _ => {}
    }
}
