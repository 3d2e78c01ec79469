//! The steps of a spec, as far as they can be read.
//!
//! Always so: a step that cannot be read keeps none of the others from being checked.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{MOST_STEPS, SpecError, Step};
use crate::protocol::{ProtocolSpec, StepSpec};

/// The list of steps, as it was written and as it was understood.
pub(super) struct Entries<'a> {
    pub(super) written: &'a [Value],
    pub(super) steps: Vec<Step>,
}

/// Reads the steps and what stands beside them.
pub(super) fn entries<'a>(spec: &'a Value, errors: &mut Vec<SpecError>) -> Entries<'a> {
    let written = match list(spec) {
        Ok(written) => written,
        Err(error) => {
            errors.push(error);
            &[]
        }
    };
    let read = |(position, entry): (usize, &Value)| match StepSpec::deserialize(entry) {
        Ok(spec) => Some(Step { position, spec }),
        Err(error) => {
            errors.push(SpecError::at(
                format!("/steps/{position}"),
                error.to_string(),
            ));
            None
        }
    };
    let steps = written.iter().enumerate().filter_map(read).collect();
    if let Err(error) = read_frame(spec) {
        errors.push(error);
    }
    Entries { written, steps }
}

fn list(spec: &Value) -> Result<&[Value], SpecError> {
    match spec.get("steps") {
        Some(Value::Array(steps)) if steps.is_empty() => {
            Err(SpecError::at("/steps", "there is no step"))
        }
        Some(Value::Array(steps)) if steps.len() > MOST_STEPS => {
            let message = format!(
                "there are {} steps: at most {MOST_STEPS} are a plan",
                steps.len()
            );
            Err(SpecError::at("/steps", message))
        }
        Some(Value::Array(steps)) => Ok(steps),
        Some(_) => Err(SpecError::at("/steps", "this is no list of steps")),
        None => Err(SpecError::at("", "`steps` is missing")),
    }
}

/// What stands beside the steps has types too.
fn read_frame(spec: &Value) -> Result<(), SpecError> {
    let fields = spec.as_object().into_iter().flatten();
    let mut frame: Map<String, Value> = fields
        .filter(|(key, _)| *key != "steps")
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    frame.insert("steps".to_owned(), Value::Array(Vec::new()));
    ProtocolSpec::deserialize(Value::Object(frame))
        .map(drop)
        .map_err(|error| SpecError::at("", error.to_string()))
}
