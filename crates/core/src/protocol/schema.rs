//! The JSON Schema of a spec, from its types.
//!
//! Always so: a choice of words is an `enum`, so that whoever is told that a word is wrong is told the right ones.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::{ProtocolSpec, QaPolicy, StepType};

/// The JSON Schema (draft 2020-12) of a [`ProtocolSpec`].
pub fn spec_schema() -> Value {
    let settings = SchemaSettings::draft2020_12();
    let settings = settings.with_transform(RecursiveTransform(words_as_enum));
    let generator = settings.into_generator();
    generator.into_root_schema_for::<ProtocolSpec>().into()
}

/// Words with a description each become a plain list of words.
fn words_as_enum(schema: &mut Schema) {
    let choices = schema.get("oneOf").and_then(Value::as_array);
    let words = choices.and_then(|choices| {
        let words = choices.iter().map(|choice| choice.get("const").cloned());
        words.collect::<Option<Vec<Value>>>()
    });
    if let Some(words) = words {
        schema.remove("oneOf");
        schema.insert("type".to_owned(), "string".into());
        schema.insert("enum".to_owned(), words.into());
    }
}

/// For what may be null and has to be there all the same.
pub(super) fn text_or_null(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "null"]})
}

pub(super) fn step_type(_: &mut SchemaGenerator) -> Schema {
    let words: Vec<&str> = StepType::ALL.iter().map(|word| word.as_str()).collect();
    json_schema!({"type": "string", "enum": words})
}

pub(super) fn qa_policy(_: &mut SchemaGenerator) -> Schema {
    let words = QaPolicy::ALL.iter().map(|word| json!(word));
    let words: Vec<Value> = words.chain([Value::Null]).collect();
    json_schema!({"type": ["string", "null"], "enum": words})
}

/// What the types alone do not say of a step: a second spelling.
pub(super) fn of_step(schema: &mut Schema) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    if let Some(timeout) = properties.get("timeout_seconds").cloned() {
        properties.insert("exec_timeout_seconds".to_owned(), timeout);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_says_what_has_to_be_there_and_what_may_be_null() {
        let schema = spec_schema();
        let step = &schema["$defs"]["StepSpec"];
        assert_eq!(schema["required"], json!(["steps"]));
        assert_eq!(
            step["required"],
            json!(["id", "prompt_ref", "engine_id", "qa"])
        );
        let types = |of: &Value, key: &str| of["properties"][key]["type"].clone();
        assert_eq!(types(step, "engine_id"), json!(["string", "null"]));
        assert_eq!(types(step, "name"), json!("string"));
        assert_eq!(
            types(step, "exec_timeout_seconds"),
            json!(["integer", "null"])
        );
        let qa = &schema["$defs"]["QaSpec"];
        assert_eq!(qa["required"], json!(["policy"]));
        assert_eq!(
            qa["properties"]["policy"]["enum"],
            json!(["skip", "light", "full", null])
        );
        let gate = &schema["$defs"]["Gate"];
        assert_eq!(gate["enum"], json!(["lint", "type", "test"]));
        let outputs = &schema["$defs"]["Outputs"];
        assert_eq!(outputs["additionalProperties"], json!(false));
    }
}
