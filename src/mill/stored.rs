//! JSON as Windmill's database gives it back.
//!
//! Always so: an object's shorter keys come first, and keys of one length in the order of their bytes. A bash script
//! sees this order when an argument is an object.

use serde_json::{Map, Value};

/// The value with its keys in the database's order.
pub(super) fn stored(value: Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(stored_object(object)),
        Value::Array(items) => items.into_iter().map(stored).collect(),
        other => other,
    }
}

/// [`stored`] of an object.
pub(super) fn stored_object(object: Map<String, Value>) -> Map<String, Value> {
    let mut fields: Vec<(String, Value)> = object.into_iter().collect();
    fields.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
    let fields = fields.into_iter();
    fields.map(|(key, value)| (key, stored(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shorter_keys_come_first() {
        let value = serde_json::json!([{"bb": 1, "c": {"z": 1, "a": 2}, "a": 3}]);
        assert_eq!(
            stored(value).to_string(),
            r#"[{"a":3,"c":{"a":2,"z":1},"bb":1}]"#
        );
    }
}
