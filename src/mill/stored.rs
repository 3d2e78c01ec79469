//! JSON as Windmill's database gives it back.
//!
//! Always so: an object's shorter keys come first, and keys of one length in the order of their bytes; a whole number
//! has all its digits, as far as 64 bits hold it. A bash script sees this order and these digits.

use serde_json::{Map, Number, Value};

/// The value with its keys in the database's order.
pub(super) fn stored(value: Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(stored_object(object)),
        Value::Array(items) => items.into_iter().map(stored).collect(),
        Value::Number(number) => Value::Number(with_all_digits(number)),
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

/// The database writes `1e17` as digits, and what reads them takes a number of at most 64 bits for a whole one. A number
/// below 1e16 has all its digits in any case.
fn with_all_digits(number: Number) -> Number {
    let whole = number
        .as_f64()
        .filter(|value| number.is_f64() && value.abs() >= 1e16);
    let whole = whole.and_then(|value| format!("{value:.0}").parse().ok());
    whole
        .filter(|whole: &Number| !whole.is_f64())
        .unwrap_or(number)
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

    #[test]
    fn a_whole_number_of_64_bits_has_all_its_digits() {
        let value = serde_json::json!([1e16, -1e18, 1e19, 2.5, 3.0, 1e15, 7, 1e20, -1e19]);
        let kept = serde_json::json!([
            10_000_000_000_000_000_u64,
            -1_000_000_000_000_000_000_i64,
            10_000_000_000_000_000_000_u64,
            2.5,
            3.0,
            1e15,
            7,
            1e20,
            -1e19,
        ]);
        assert_eq!(stored(value), kept);
    }
}
