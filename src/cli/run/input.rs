//! The inputs of a flow or script from the command line.
//!
//! Always so: the schema says how a text is read, and everything that is not as it says is told at once, with its place.

use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value};

use crate::cli::{CommandError, Exit};
use crate::spec::sentence;

/// Reads `key=value` texts and a file; the schema says what a text means.
pub(super) fn read(
    texts: &[String],
    file: Option<&Path>,
    schema: Option<&Value>,
) -> Result<Map<String, Value>, CommandError> {
    let mut inputs = match file {
        Some(file) => read_file(file)?,
        None => Map::new(),
    };
    for text in texts {
        let (key, value) = text
            .split_once('=')
            .filter(|(key, _)| !key.is_empty())
            .ok_or_else(|| bad(format!("-i {text}: use -i key=value")))?;
        inputs.insert(key.to_owned(), value_of(key, value, schema)?);
    }
    Ok(inputs)
}

fn read_file(file: &Path) -> Result<Map<String, Value>, CommandError> {
    let failed = |reason: String| bad(format!("cannot read --input {}: {reason}", file.display()));
    let text = if file == Path::new("-") {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        read.map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    let text = text.map_err(|error| failed(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| failed(format!("no JSON object: {error}")))
}

fn value_of(key: &str, text: &str, schema: Option<&Value>) -> Result<Value, CommandError> {
    let kinds = kinds_of(key, schema);
    let json = serde_json::from_str::<Value>(text);
    match (kinds.as_slice(), json) {
        ([], json) => Ok(json.unwrap_or_else(|_| text.into())),
        (kinds, _) if kinds.contains(&"string") => Ok(text.into()),
        (_, Ok(json)) => Ok(json),
        (kinds, Err(_)) => Err(bad(format!(
            "-i {key}={text}: {key} is to be {}, and this is text",
            kinds.join(" or ")
        ))),
    }
}

/// The types that a schema allows an input; none where it says nothing.
fn kinds_of<'a>(key: &str, schema: Option<&'a Value>) -> Vec<&'a str> {
    let property = schema.map(|schema| &schema["properties"][key]);
    let Some(property) = property else {
        return Vec::new();
    };
    match &property["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// What is not as the schema says: a JSON pointer, and a sentence. Windmill runs a flow all the same.
///
/// # Errors
/// Where the schema is none.
pub(super) fn complaints(
    inputs: &Map<String, Value>,
    schema: Option<&Value>,
) -> Result<Vec<String>, CommandError> {
    let Some(schema) = schema else {
        return Ok(Vec::new());
    };
    let validator = jsonschema::validator_for(schema).map_err(|error| {
        bad(format!(
            "the schema of the inputs is no JSON Schema: {error}"
        ))
    })?;
    let known = schema["properties"].as_object();
    let unknown = known
        .map(|known| unknown(inputs, known))
        .unwrap_or_default();
    let inputs = Value::Object(inputs.clone());
    let wrong = validator.iter_errors(&inputs).map(|error| {
        let place = error.instance_path().to_string();
        let place = if place.is_empty() { "/" } else { &place };
        format!("{place}: {}", sentence::of(&error))
    });
    Ok(unknown.into_iter().chain(wrong).collect())
}

fn unknown(inputs: &Map<String, Value>, known: &Map<String, Value>) -> Vec<String> {
    let names: Vec<&str> = known.keys().map(String::as_str).collect();
    let list = names.join(", ");
    let unknown = inputs.keys().filter(|key| !known.contains_key(*key));
    unknown
        .map(|key| format!("/{key}: there is no input of this name; there are {list}"))
        .collect()
}

/// Refuses what [`complaints`] found.
pub(super) fn refuse(complaints: &[String]) -> CommandError {
    bad(format!(
        "the inputs are not as the schema says, and nothing was run:\n{}",
        complaints.join("\n")
    ))
}

fn bad(message: String) -> CommandError {
    CommandError::new(Exit::BadInput, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "id": {"type": "integer"},
                "name": {"type": "string"},
                "maybe": {"type": ["integer", "null"]},
                "any": {},
                "list": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["id"],
        })
    }

    fn with(texts: &[&str]) -> Result<Value, String> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let inputs = read(&texts, None, Some(&schema()));
        inputs.map(Value::Object).map_err(|error| error.message)
    }

    #[test]
    fn the_schema_says_how_a_text_is_read() {
        assert_eq!(
            with(&["id=7", "name=7", "maybe=null", "any=x=y", "list=[\"a\"]"]),
            Ok(json!({"id": 7, "name": "7", "maybe": null, "any": "x=y", "list": ["a"]}))
        );
    }

    #[test]
    fn a_wrong_text_is_named() {
        let message = |texts: &[&str]| with(texts).unwrap_err();
        assert_eq!(
            message(&["id=x"]),
            "-i id=x: id is to be integer, and this is text"
        );
        assert_eq!(message(&["id"]), "-i id: use -i key=value");
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let inputs = json!({"nope": 1, "list": ["a", 1], "name": 2});
        let found = complaints(inputs.as_object().unwrap(), Some(&schema())).unwrap();
        assert_eq!(
            found,
            [
                "/nope: there is no input of this name; there are id, name, maybe, any, list",
                "/: `id` is missing",
                "/list/1: this is a number: expected text",
                "/name: this is a number: expected text",
            ]
        );
    }

    #[test]
    fn without_a_schema_json_is_json_and_the_rest_text() {
        let texts = ["a=1".to_owned(), "b=one".to_owned()];
        let inputs = read(&texts, None, None).unwrap();
        assert_eq!(Value::Object(inputs), json!({"a": 1, "b": "one"}));
    }
}
