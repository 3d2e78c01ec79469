//! JSON Schemas from types: whole for tools, plain for Windmill's forms.
//!
//! Always so: a schema has no references, so it can be read where it stands.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// The JSON Schema of a type.
pub(super) fn schema_of<T: JsonSchema>() -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>().into()
}

/// The schema of a type as a property of a form.
pub(super) fn for_form<T: JsonSchema>() -> Map<String, Value> {
    match simplified(schema_of::<T>()) {
        Value::Object(mut property) => {
            property.shift_remove("$schema");
            property.shift_remove("title");
            property
        }
        // `true`: anything goes.
        _ => Map::new(),
    }
}

/// A schema without what Windmill's forms do not understand: `null` beside a type, and widths of numbers.
pub(super) fn simplified(schema: Value) -> Value {
    let Value::Object(object) = schema else {
        return schema;
    };
    let object = unwrap_nullable(object);
    let kept = object
        .into_iter()
        .filter(|(key, value)| {
            let width = key == "format" && matches!(value.as_str(), Some("int64" | "double"));
            let null_default = key == "default" && value.is_null();
            !(width || null_default)
        })
        .map(|(key, value)| (key.clone(), simplified_part(&key, value)));
    Value::Object(kept.collect())
}

fn simplified_part(key: &str, value: Value) -> Value {
    match (key, value) {
        ("type", Value::Array(types)) => {
            let mut types = types.into_iter().filter(|one| *one != "null");
            types.next().unwrap_or_default()
        }
        ("properties", Value::Object(properties)) => {
            let properties = properties.into_iter();
            let properties = properties.map(|(name, property)| (name, simplified(property)));
            Value::Object(properties.collect())
        }
        ("items", items) => simplified(items),
        (_, value) => value,
    }
}

/// `{"anyOf": [X, {"type": "null"}], …}` becomes X with what stood beside.
fn unwrap_nullable(mut object: Map<String, Value>) -> Map<String, Value> {
    let Some(Value::Array(choices)) = object.get("anyOf") else {
        return object;
    };
    let mut others = choices.iter().filter(|one| one["type"] != "null");
    if let (Some(Value::Object(only)), None) = (others.next().cloned(), others.next()) {
        object.shift_remove("anyOf");
        for (key, value) in only {
            object.entry(key).or_insert(value);
        }
    }
    object
}
