//! Plain paths: `results.step.part`, `flow_input.key`.
//!
//! Always so: a path of results is looked up in JSON: a missing part is null, a number is an element of a list, and
//! `length` is a key like any other.

use serde_json::Value;

/// The key of `flow_input.key` or `flow_input["key"]`, with the name given: everything after the dot, dots included.
pub(super) fn key_of<'a>(name: &str, expression: &'a str) -> Option<&'a str> {
    let rest = expression.strip_prefix(name)?;
    let bracketed = || rest.strip_prefix("[\"")?.strip_suffix("\"]");
    rest.strip_prefix('.')
        .or_else(bracketed)
        .filter(|key| !key.is_empty())
}

/// Whether an expression is the result of a step, and no part of it.
pub(super) fn is_result_of(expression: &str, step_id: &str) -> bool {
    let Some(rest) = expression.strip_prefix("results") else {
        return false;
    };
    let rest = rest.strip_prefix('?').unwrap_or(rest);
    let bracketed = rest.strip_prefix('.').unwrap_or(rest);
    rest.strip_prefix('.') == Some(step_id)
        || bracketed
            .strip_prefix("[\"")
            .and_then(|rest| rest.strip_suffix("\"]"))
            == Some(step_id)
}

/// The step and the parts of `results.step`, `results.step[0]`, `results.step.part.0`, and any of these with `?.`, with
/// the name given. Anything else, a second bracket for one, is no plain path.
pub(super) fn path_of<'a>(name: &str, expression: &'a str) -> Option<(&'a str, Vec<&'a str>)> {
    let rest = expression.strip_prefix(name)?;
    let rest = rest.strip_prefix('?').unwrap_or(rest).strip_prefix('.')?;
    let (step_id, rest) = word(rest)?;
    let mut parts = Vec::new();
    let mut rest = rest;
    if let Some(index) = rest.strip_prefix('[') {
        let (digits, after) = index.split_once(']')?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        parts.push(digits);
        rest = after;
    }
    while let Some(after) = rest.strip_prefix('.') {
        let (part, after) = word(after)?;
        parts.push(part);
        rest = after;
    }
    rest.is_empty().then_some((step_id, parts))
}

/// What is at a path in a value; null where there is nothing.
pub(super) fn look_up(value: &Value, parts: &[&str]) -> Value {
    let found = parts.iter().try_fold(value, |value, part| match value {
        Value::Object(object) => object.get(*part),
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => None,
    });
    found.cloned().unwrap_or_default()
}

fn word(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_of_results() {
        assert_eq!(path_of("results", "results.a"), Some(("a", vec![])));
        assert_eq!(
            path_of("results", "results?.a[0].n"),
            Some(("a", vec!["0", "n"]))
        );
        assert_eq!(
            path_of("results", "results.a.items.0"),
            Some(("a", vec!["items", "0"]))
        );
        for engine in [
            "results.a.items[0]",
            "results.a + 1",
            "results[\"a\"].b",
            "results.a?.b",
            "results.a-b",
            "(results.a)",
            "results.",
        ] {
            assert_eq!(path_of("results", engine), None, "{engine}");
        }
    }

    #[test]
    fn a_flow_input_is_one_key() {
        assert_eq!(key_of("flow_input", "flow_input.x"), Some("x"));
        assert_eq!(key_of("flow_input", "flow_input.o.p"), Some("o.p"));
        assert_eq!(key_of("flow_input", "flow_input[\"x\"]"), Some("x"));
        assert_eq!(key_of("flow_input", "flow_input"), None);
    }
}
