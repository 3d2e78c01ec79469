//! Values that a JSON Schema allows, as different from each other as a flow can tell.
//!
//! Always so: only what a flow's expressions name is varied; the first value has everything.

use serde_json::{Map, Value, json};

/// How many values are made of one schema.
const MOST: usize = 12;
/// How deep a schema is followed.
const DEEPEST: usize = 6;

/// Values of a schema; `text` is all that the flow's expressions say.
pub(super) fn of_schema(schema: &Value, text: &str) -> Vec<Value> {
    let mut values = vary(schema, text, 0);
    values.truncate(MOST);
    values
}

/// Values of what is not known.
pub(super) fn of_nothing() -> Vec<Value> {
    vec![json!({}), Value::Null]
}

fn vary(schema: &Value, text: &str, depth: usize) -> Vec<Value> {
    if depth > DEEPEST {
        return vec![Value::Null];
    }
    let mut values = match schema.get("const") {
        Some(value) => vec![value.clone()],
        None => of_enum(schema, text)
            .or_else(|| of_choices(schema, text, depth))
            .unwrap_or_else(|| of_types(schema, text, depth)),
    };
    let mut seen = Vec::new();
    values.retain(|value| {
        let is_new = !seen.contains(value);
        seen.push(value.clone());
        is_new
    });
    values
}

/// Of the listed values those that the flow names, and one that it does not.
fn of_enum(schema: &Value, text: &str) -> Option<Vec<Value>> {
    let listed = schema.get("enum")?.as_array()?;
    Some(told_apart(listed, text))
}

fn told_apart(listed: &[Value], text: &str) -> Vec<Value> {
    let quoted = |word: &str| {
        ['"', '\'', '`']
            .iter()
            .any(|quote| text.contains(&format!("{quote}{word}{quote}")))
    };
    let is_named = |value: &&Value| value.as_str().is_none_or(quoted);
    let other = listed.iter().find(|value| !is_named(value));
    let named = listed.iter().filter(is_named);
    other.into_iter().chain(named).cloned().collect()
}

fn of_choices(schema: &Value, text: &str, depth: usize) -> Option<Vec<Value>> {
    let choices = ["anyOf", "oneOf"]
        .iter()
        .find_map(|key| schema.get(key)?.as_array())?;
    let constants: Vec<Value> = choices
        .iter()
        .filter_map(|one| one.get("const").cloned())
        .collect();
    if constants.len() == choices.len() {
        return Some(told_apart(&constants, text));
    }
    let each = choices
        .iter()
        .flat_map(|choice| vary(choice, text, depth + 1));
    Some(each.collect())
}

fn of_types(schema: &Value, text: &str, depth: usize) -> Vec<Value> {
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ if schema.get("properties").is_some() => vec!["object"],
        _ => return of_nothing(),
    };
    let each = types
        .into_iter()
        .flat_map(|one| of_type(one, schema, text, depth));
    each.collect()
}

fn of_type(name: &str, schema: &Value, text: &str, depth: usize) -> Vec<Value> {
    match name {
        "null" => vec![Value::Null],
        "boolean" => vec![json!(true), json!(false)],
        "integer" | "number" => vec![schema.get("minimum").cloned().unwrap_or(json!(1))],
        "string" => vec![json!("text")],
        "array" => {
            let items = schema.get("items").unwrap_or(&Value::Null);
            let first = vary(items, text, depth + 1).into_iter().next();
            vec![first.into_iter().collect(), json!([])]
        }
        "object" => of_object(schema, text, depth),
        _ => of_nothing(),
    }
}

/// Every combination of what is varied of an object's properties, as far as they are few.
fn of_object(schema: &Value, text: &str, depth: usize) -> Vec<Value> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let mut objects = vec![Map::new()];
    for (name, property) in properties.into_iter().flatten() {
        let mut values = vary(property, text, depth + 1);
        let is_varied = has_word(text, name);
        if !is_varied || objects.len() * values.len() > MOST {
            values.truncate(if is_varied { 2 } else { 1 });
        }
        if objects.len() * values.len() > 2 * MOST {
            values.truncate(1);
        }
        objects = values
            .iter()
            .flat_map(|value| {
                objects.iter().cloned().map(move |mut object| {
                    object.insert(name.clone(), value.clone());
                    object
                })
            })
            .collect();
    }
    objects.into_iter().map(Value::Object).collect()
}

fn has_word(text: &str, word: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        !before.is_some_and(is_letter) && !after.is_some_and(is_letter)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_flow_names_is_varied_and_nothing_else() {
        let schema = json!({"type": "object", "properties": {
            "passed": {"type": "boolean"},
            "note": {"type": ["string", "null"]},
            "items": {"type": "array", "items": {"type": "integer"}},
        }});
        let values = of_schema(&schema, "results.a.passed && results.a.items.length");
        assert_eq!(
            values,
            [
                json!({"passed": true, "note": "text", "items": [1]}),
                json!({"passed": false, "note": "text", "items": [1]}),
                json!({"passed": true, "note": "text", "items": []}),
                json!({"passed": false, "note": "text", "items": []}),
            ]
        );
    }

    #[test]
    fn of_a_list_of_words_those_that_are_named_and_one_more() {
        let schema = json!({"enum": ["open", "needs_qa", "done", "failed"]});
        assert_eq!(
            of_schema(&schema, "results.a.status !== \"needs_qa\""),
            [json!("open"), json!("needs_qa")]
        );
        let nullable = json!({"anyOf": [{"type": "integer"}, {"type": "null"}]});
        assert_eq!(of_schema(&nullable, ""), [json!(1), json!(null)]);
    }
}
