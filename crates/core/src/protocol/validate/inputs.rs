//! What a step's engine is handed beside its prompt.
//!
//! Always so: it fits into one variable of an engine's environment.

use std::io::{self, Write};

use serde_json::{Map, Value};

use super::{SpecError, Step};

/// So many bytes of `inputs`, as JSON, are handed to an engine.
pub const LONGEST_INPUTS: usize = 64 * 1024;

/// Names every `inputs` that is too long.
pub(super) fn check(steps: &[Step], errors: &mut Vec<SpecError>) {
    for step in steps {
        for (key, inputs) in [
            ("inputs", &step.spec.inputs),
            ("qa/inputs", &step.spec.qa.inputs),
        ] {
            if let Some(message) = inputs.as_ref().and_then(complaint) {
                let pointer = format!("/steps/{}/{key}", step.position);
                errors.push(SpecError::at(pointer, message));
            }
        }
    }
}

/// What is said of inputs that are too long.
pub fn complaint(inputs: &Map<String, Value>) -> Option<String> {
    let mut length = Length(0);
    // Counting does not fail.
    serde_json::to_writer(&mut length, inputs).ok()?;
    (length.0 > LONGEST_INPUTS).then(|| {
        format!(
            "these are {} bytes of JSON, and an engine is handed {LONGEST_INPUTS}: put more into a file, and its name here",
            length.0
        )
    })
}

struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
