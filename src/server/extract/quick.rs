//! The check of a body that is right, without building it.
//!
//! Always so: what passes here passes the full check; what does not is checked again, to be told what is wrong.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::shape::{Kind, Shape};

/// Whether a text of JSON has a shape, as it is spelt.
pub(super) fn passes(shape: &Shape, json: &[u8]) -> bool {
    let mut text = serde_json::Deserializer::from_slice(json);
    Quick(shape).deserialize(&mut text).is_ok()
}

/// A value's shape, as what looks at the value.
struct Quick<'a>(&'a Shape);

/// Never shown: the full check says what is wrong.
fn refused<E: Error>() -> E {
    E::custom("refused")
}

fn when<E: Error>(passes: bool) -> Result<(), E> {
    if passes { Ok(()) } else { Err(refused()) }
}

impl<'de> DeserializeSeed<'de> for Quick<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.0.kind {
            Kind::Any => deserializer.deserialize_ignored_any(IgnoredAny).map(drop),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Quick<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what the schema says")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        when(self.0.nullable)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        when(matches!(self.0.kind, Kind::Boolean))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        when(match &self.0.kind {
            Kind::Integer(bounds) | Kind::Number(bounds) => bounds.hold(number),
            _ => false,
        })
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.visit_i64(i64::try_from(number).map_err(|_| refused())?)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        when(match &self.0.kind {
            // A text of so many bytes has no more characters; the full check counts.
            Kind::Text { shortest, longest } => {
                (*shortest == 0 || text.chars().count() as u64 >= *shortest)
                    && text.len() as u64 <= *longest
            }
            Kind::Choice(words) => words.iter().any(|word| word == text),
            _ => false,
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Kind::List(item) = &self.0.kind else {
            return Err(refused());
        };
        while items.next_element_seed(Quick(item))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Kind::Object(fields) = &self.0.kind else {
            return Err(refused());
        };
        let mut required = fields.iter().filter(|field| field.required).count();
        while let Some(name) = entries.next_key::<&str>()? {
            match fields.iter().find(|field| field.name == name) {
                Some(field) => {
                    required = required.saturating_sub(usize::from(field.required));
                    entries.next_value_seed(Quick(&field.shape))?;
                }
                None => entries.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        when(required == 0)
    }
}

#[cfg(test)]
mod tests {
    use millwright_core::refs::{FinishRun, StartRun, UpsertArtifact};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::server::extract::shape::Check;
    use crate::server::extract::source::body_shape;

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-2_i64..300).prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-z\u{e9}\"]{0,5}".prop_map(Value::from),
            "[a-f]{64}".prop_map(Value::from),
            Just("succeeded".into()),
            Just(json!({"a": [1]})),
            Just(json!([])),
        ]
    }

    proptest! {
        #[test]
        fn what_passes_here_passes_the_full_check(
            names in prop::collection::vec(
                prop::sample::select(&["job_type", "attempt", "params", "log_path", "status", "result", "cost_cents", "name", "kind", "path", "sha256", "bytes", "more"][..]), 0..8),
            values in prop::collection::vec(any_value(), 8),
        ) {
            let body: Value = names.iter().map(|name| (*name).to_owned()).zip(values).collect();
            for shape in [body_shape::<StartRun>(), body_shape::<FinishRun>(), body_shape::<UpsertArtifact>()] {
                let mut check = Check::of("body");
                shape.check(&mut body.clone(), &mut check);
                let quick = passes(&shape, body.to_string().as_bytes());
                prop_assert!(!quick || check.issues.is_empty(), "{body}: {:?}", check.issues);
            }
        }
    }

    #[test]
    fn a_usual_body_passes() {
        let body =
            br#"{"job_type":"t","run_id":"r","attempt":2,"params":{"k":[1,2]},"queue":null}"#;
        assert!(passes(&body_shape::<StartRun>(), body));
        assert!(!passes(&body_shape::<StartRun>(), br#"{"job_type":""}"#));
    }
}
