//! Fields in the place of a policy that no policy has.
//!
//! Always so: what a policy has is read off the policy itself, and what else `defaults` holds is not its matter.

use serde_json::{Map, Value, json};

use super::ProjectPolicy;

/// A field that no policy has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: unknown field, use {}", .place.join("."), .known.join(", "))]
pub struct UnknownField {
    /// The fields that lead to it, and its own name.
    pub place: Vec<String>,
    /// The fields that there are in its place.
    pub known: Vec<String>,
}

/// The fields of a policy, as JSON, that no policy has.
pub fn unknown_fields(policy: &Value) -> Vec<UnknownField> {
    let mut found = Vec::new();
    compare(policy, &json!(ProjectPolicy::default()), &[], &mut found);
    found
}

fn compare(given: &Value, shape: &Value, place: &[String], found: &mut Vec<UnknownField>) {
    let (Some(given), Some(shape)) = (given.as_object(), shape.as_object()) else {
        return;
    };
    for (key, value) in given {
        let place = [place, std::slice::from_ref(key)].concat();
        match shape.get(key) {
            Some(shape) => compare(value, shape, &place, found),
            None if place.len() == 2 && place[0] == "defaults" => {}
            None => found.push(UnknownField {
                place,
                known: names(shape),
            }),
        }
    }
}

fn names(shape: &Map<String, Value>) -> Vec<String> {
    shape.keys().cloned().collect()
}
