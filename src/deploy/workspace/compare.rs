//! What is there, beside what is wanted.
//!
//! Always so: every member that is wanted counts. Of others only those count that say something about what runs: inside a
//! flow's value, a schema or arguments.

use serde_json::{Map, Value};

/// Where members that nobody asked for make a difference.
const STRICT: [&str; 3] = ["value", "schema", "args"];

/// What is there as far as it matters, in the order of what is wanted. It equals `wanted` where nothing differs.
pub(super) fn aligned(wanted: &Value, there: &Value) -> Value {
    align(wanted, there, false)
}

fn align(wanted: &Value, there: &Value, strict: bool) -> Value {
    match (wanted, there) {
        (Value::Object(wanted), Value::Object(there)) => {
            Value::Object(align_members(wanted, there, strict))
        }
        (Value::Array(wanted), Value::Array(there)) => {
            let pairs = there.iter().enumerate();
            let pairs = pairs.map(|(at, there)| match wanted.get(at) {
                Some(wanted) => align(wanted, there, strict),
                None => there.clone(),
            });
            Value::Array(pairs.collect())
        }
        _ if is_same(wanted, there) => wanted.clone(),
        _ => there.clone(),
    }
}

fn align_members(
    wanted: &Map<String, Value>,
    there: &Map<String, Value>,
    strict: bool,
) -> Map<String, Value> {
    let mut aligned = Map::new();
    for (name, wanted) in wanted {
        let inside = strict || STRICT.contains(&name.as_str());
        match there.get(name) {
            Some(there) => {
                aligned.insert(name.clone(), align(wanted, there, inside));
            }
            None if is_nothing(wanted) => {
                aligned.insert(name.clone(), wanted.clone());
            }
            None => {}
        }
    }
    let others = there.iter();
    let others =
        others.filter(|(name, value)| strict && !wanted.contains_key(*name) && !is_nothing(value));
    aligned.extend(others.map(|(name, value)| (name.clone(), value.clone())));
    aligned
}

/// Where two values first differ, as JSON pointers: what is wanted and not kept so.
pub(super) fn lost(wanted: &Value, there: &Value) -> Vec<String> {
    let mut found = Vec::new();
    lose(wanted, Some(there), &mut String::new(), &mut found);
    found
}

fn lose(wanted: &Value, there: Option<&Value>, at: &mut String, found: &mut Vec<String>) {
    match (wanted, there) {
        (Value::Object(wanted), Some(Value::Object(there))) => {
            for (name, wanted) in wanted {
                let name_there = there.get(name);
                let name = name.replace('~', "~0").replace('/', "~1");
                lose_inside(wanted, name_there, &name, at, found);
            }
        }
        (Value::Array(wanted), Some(Value::Array(there))) if wanted.len() == there.len() => {
            for (nth, (wanted, there)) in wanted.iter().zip(there).enumerate() {
                lose_inside(wanted, Some(there), &nth.to_string(), at, found);
            }
        }
        (wanted, there) if is_same(wanted, there.unwrap_or(&Value::Null)) => {}
        _ => found.push(at.clone()),
    }
}

fn lose_inside(
    wanted: &Value,
    there: Option<&Value>,
    name: &str,
    at: &mut String,
    found: &mut Vec<String>,
) {
    let length = at.len();
    at.push('/');
    at.push_str(name);
    lose(wanted, there, at, found);
    at.truncate(length);
}

/// Databases keep 1 for 1.0, and nothing for what says nothing.
fn is_same(one: &Value, other: &Value) -> bool {
    let both_nothing = is_nothing(one) && is_nothing(other);
    let numbers = one.as_f64().zip(other.as_f64());
    both_nothing
        || one == other
        || numbers.is_some_and(|(one, other)| one.total_cmp(&other).is_eq())
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(all) => all.is_empty(),
        Value::Object(all) => all.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_equal(wanted: &Value, there: &Value) -> bool {
        aligned(wanted, there) == *wanted
    }

    #[test]
    fn order_additions_and_nothings_make_no_difference() {
        let wanted =
            json!({"tag": null, "value": {"modules": [{"id": "a", "n": 1.0}]}, "lock": ""});
        let there = json!({
            "edited_by": "admin", "lock": null,
            "value": {"same_worker": false, "modules": [{"n": 1, "id": "a", "suspend": null}]},
        });
        assert!(is_equal(&wanted, &there));
        assert!(lost(&wanted, &there).is_empty());
    }

    #[test]
    fn what_people_added_to_what_runs_is_seen() {
        let wanted = json!({"value": {"modules": [{"id": "a"}]}});
        let slower = json!({"value": {"modules": [{"id": "a", "sleep": {"value": 5}}]}});
        let longer = json!({"value": {"modules": [{"id": "a"}, {"id": "b"}]}});
        for there in [slower, longer] {
            assert!(!is_equal(&wanted, &there), "{there}");
        }
    }

    #[test]
    fn what_was_not_kept_is_named() {
        let wanted = json!({"value": {"modules": [{"id": "a/b", "value": {"x/y": 1, "z": true}}]}, "tag": "big"});
        let there = json!({"value": {"modules": [{"id": "a/b", "value": {"z": 2}}]}});
        assert!(!is_equal(&wanted, &there));
        assert_eq!(
            lost(&wanted, &there),
            [
                "/value/modules/0/value/x~1y",
                "/value/modules/0/value/z",
                "/tag"
            ]
        );
    }
}
