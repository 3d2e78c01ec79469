//! What a schema complains of, in plain sentences.
//!
//! Always so: a sentence is short, however long the value is that it speaks of.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value;

/// So many characters are shown of anything that was found.
const LONGEST: usize = 80;

/// The complaint as a sentence.
pub(crate) fn of(error: &ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            format!("`{}` is missing", property.as_str().unwrap_or_default())
        }
        ValidationErrorKind::Type { kind } => {
            let found = name_of(error.instance());
            format!("this is {found}: expected {}", expected(kind))
        }
        ValidationErrorKind::Enum { options } => {
            let found = shortened(&error.instance().to_string());
            format!("{found} is not known: use one of {}", listed(options))
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let keys: Vec<String> = unexpected.iter().map(|key| shortened(key)).collect();
            format!("not known here: {}", keys.join(", "))
        }
        ValidationErrorKind::MinItems { .. } => "this list is empty".to_owned(),
        ValidationErrorKind::Minimum { limit } => format!("this is less than {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("this is more than {limit}"),
        _ => shortened(&error.to_string()),
    }
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn expected(kind: &TypeKind) -> String {
    let types: Vec<&str> = match kind {
        TypeKind::Single(one) => vec![word(one.as_str())],
        TypeKind::Multiple(many) => many.iter().map(|one| word(one.as_str())).collect(),
    };
    types.join(" or ")
}

/// JSON Schema's name of a type, as a person says it.
fn word(json_type: &str) -> &str {
    match json_type {
        "string" => "text",
        "array" => "a list",
        "object" => "an object",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        other => other,
    }
}

fn listed(options: &Value) -> String {
    let words = options.as_array().into_iter().flatten();
    let words = words.map(|word| {
        word.as_str()
            .map_or_else(|| word.to_string(), str::to_owned)
    });
    words.collect::<Vec<_>>().join(", ")
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
