//! A step in the list of those that are expected to run: its id alone, or with how often and with what.
//!
//! Always so: an id alone means the same as an object with that id and nothing else.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// A step that is expected to run.
#[derive(Debug, Clone, PartialEq)]
pub struct RanStep {
    /// Its id; of a step of a sub-flow `step/inner`.
    pub id: String,
    /// How often in a row.
    pub times: usize,
    /// Arguments that it is called with, each time; others may be there too.
    pub args: Option<Map<String, Value>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Detailed {
    /// Its id; of a step of a sub-flow `step/inner`.
    id: String,
    /// How often in a row; by default once.
    #[serde(default)]
    times: Option<usize>,
    /// Arguments that it is called with, each time; others may be there too.
    #[serde(default)]
    args: Option<Map<String, Value>>,
}

impl<'de> Deserialize<'de> for RanStep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either)
    }
}

struct Either;

impl<'de> Visitor<'de> for Either {
    type Value = RanStep;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a step's id, or an object with `id`, `times` and `args`")
    }

    fn visit_str<E>(self, id: &str) -> Result<RanStep, E> {
        Ok(RanStep {
            id: id.to_owned(),
            times: 1,
            args: None,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RanStep, A::Error> {
        let step = Detailed::deserialize(MapAccessDeserializer::new(map))?;
        Ok(RanStep {
            id: step.id,
            times: step.times.unwrap_or(1),
            args: step.args,
        })
    }
}

impl JsonSchema for RanStep {
    fn schema_name() -> Cow<'static, str> {
        "RanStep".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let detailed = generator.subschema_for::<Detailed>();
        json_schema!({"anyOf": [
            {"type": "string", "description": "A step that runs once."},
            detailed,
        ]})
    }
}
