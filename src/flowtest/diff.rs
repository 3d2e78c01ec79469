//! The difference between what was expected and what was found, for a person.
//!
//! Always so: lines that were expected begin with `-`, lines that were found with `+`.

use std::fmt::Write;

use serde_json::Value;
use similar::TextDiff;

/// How many lines that are the same are shown around a difference.
const AROUND: usize = 3;

/// The difference of two JSON values, line by line.
pub(super) fn of_values(expected: &Value, found: &Value) -> String {
    let text = |value: &Value| {
        let text = serde_json::to_string_pretty(&sorted(value));
        text.expect("plain data becomes JSON")
    };
    of_lines(&text(expected), &text(found))
}

/// The difference of two texts, line by line.
pub(super) fn of_lines(expected: &str, found: &str) -> String {
    let diff = TextDiff::from_lines(expected, found);
    let mut shown = String::new();
    for (number, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if number > 0 {
            shown.push_str("  …\n");
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let line = change.value().trim_end_matches('\n');
            writeln!(shown, "{} {line}", change.tag()).expect("a String takes all");
        }
    }
    shown.trim_end().to_owned()
}

/// The value with its keys in their order: that of objects means nothing.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut fields: Vec<_> = object.iter().collect();
            fields.sort_by_key(|(key, _)| *key);
            let fields = fields.into_iter();
            Value::Object(
                fields
                    .map(|(key, value)| (key.clone(), sorted(value)))
                    .collect(),
            )
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
