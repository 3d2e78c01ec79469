//! The short hash of a spec: SHA-256 over its canonical JSON, 12 hex digits.
//!
//! Always so: two specs that differ only in spaces or in the order of their keys have one hash.

use std::fmt::Write as _;

use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

/// The spec's hash, as events and the API give it.
pub fn spec_hash(spec: &Value) -> String {
    short_hash(canonical_json(spec).as_bytes())
}

/// The whole SHA-256 of canonical JSON, 64 hex digits.
pub fn long_hash(value: &Value) -> String {
    sha256(canonical_json(value).as_bytes())
}

/// The whole SHA-256 of some bytes, 64 hex digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The first 12 hex digits of the SHA-256 of some bytes: a spec's hash, a prompt's version.
pub fn short_hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes)[..6])
}

/// Bytes as hex digits in lower case.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

/// JSON with sorted keys, no spaces, and everything beyond ASCII escaped.
pub fn canonical_json(value: &Value) -> String {
    let mut text = String::new();
    write_value(&mut text, value);
    text
}

fn write_value(text: &mut String, value: &Value) {
    match value {
        Value::String(string) => write_string(text, string),
        Value::Array(items) => write_list(text, ['[', ']'], items, write_value),
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            write_list(text, ['{', '}'], &entries, |text, (key, value)| {
                write_string(text, key);
                text.push(':');
                write_value(text, value);
            });
        }
        Value::Number(number) => write_number(text, number),
        Value::Null | Value::Bool(_) => text.push_str(&value.to_string()),
    }
}

fn write_list<T>(
    text: &mut String,
    [open, close]: [char; 2],
    items: &[T],
    write_item: impl Fn(&mut String, &T),
) {
    text.push(open);
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            text.push(',');
        }
        write_item(text, item);
    }
    text.push(close);
}

fn write_string(text: &mut String, string: &str) {
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            ' '..='\u{7e}' => text.push(c),
            _ => escape(text, c),
        }
    }
    text.push('"');
}

fn escape(text: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        write!(text, "\\u{unit:04x}").expect("writing to a string cannot fail");
    }
}

/// A fraction is spelt as Python spells it, in whose JSON the hash is defined: `1e-05`, `1e+16`, `0.1`.
fn write_number(text: &mut String, number: &Number) {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        text.push_str(&number.to_string());
        return;
    };
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific
        .split_once('e')
        .expect("Rust writes an exponent here");
    let exponent: i32 = exponent.parse().expect("Rust writes a whole exponent");
    if (-4..16).contains(&exponent) {
        write!(text, "{float:?}")
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(text, "{digits}e{sign}{:02}", exponent.abs())
    }
    .expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_recorded_spec_has_the_recorded_hash() {
        let spec = json!({"steps": [{
            "id": "00-setup", "engine_id": "codex", "prompt_ref": "00-setup.md", "qa": {"policy": "skip"},
        }]});
        assert_eq!(spec_hash(&spec), "3fa2f9e89a63");
    }

    #[test]
    fn json_is_canonical() {
        let value = json!({"b": [1, 2.0, 1e-5, 1e16, 0.0001], "a": "é\u{1F600}\u{7f}\n\"/"});
        assert_eq!(
            canonical_json(&value),
            r#"{"a":"\u00e9\ud83d\ude00\u007f\n\"/","b":[1,2.0,1e-05,1e+16,0.0001]}"#
        );
    }
}
