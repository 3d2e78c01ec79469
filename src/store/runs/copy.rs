//! The copy of a job's result or error that a run keeps.
//!
//! Always so: it is at most a few hundred kilobytes, and says where it is not the whole.

use serde_json::{Value, json};

/// As JSON text.
const LIMIT: usize = 256 * 1024;
/// So much is kept of what is longer.
const BEGINNING: usize = 16 * 1024;

/// The value itself, or, where it is longer than 256 KiB as JSON, `{truncated, bytes, beginning}`; of an error also the
/// beginnings of its `name` and `message`.
pub(super) fn bounded(value: &Value) -> Value {
    let text = value.to_string();
    if text.len() <= LIMIT {
        return value.clone();
    }
    let mut copy = json!({
        "truncated": true,
        "bytes": text.len(),
        "beginning": beginning(&text),
    });
    for key in ["name", "message"] {
        if let Some(said) = value.get(key).and_then(Value::as_str) {
            copy[key] = beginning(said).into();
        }
    }
    copy
}

/// What is kept of a result that is too long to be read.
pub fn too_long() -> Value {
    json!({"truncated": true})
}

fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(BEGINNING)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_is_kept_and_what_is_long_begins() {
        for short in [json!({"a": [1]}), json!(["x"]), json!("text"), Value::Null] {
            assert_eq!(bounded(&short), short);
        }
        let long = "\u{e9}".repeat(LIMIT);
        let copy = bounded(&json!({"name": "E", "message": long, "more": 1}));
        assert_eq!(copy["truncated"], true);
        assert!(copy["bytes"].as_u64().unwrap() > LIMIT as u64);
        assert_eq!(copy["name"], "E");
        let message = copy["message"].as_str().unwrap();
        assert!(long.starts_with(message) && message.len() > BEGINNING - 2);
        assert!(copy.to_string().len() < LIMIT);
    }
}
