//! The prompts that a step names: there, or written by another step.
//!
//! Always so: a name that holds placeholders is not looked for, since their values are known only when the step runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};

use super::{SpecContext, SpecError, Step};
use crate::protocol::placeholders::{self, Values};
use crate::protocol::{AUTO_FIX_PROMPT, QUALITY_PROMPT};

/// What the steps of a protocol find on disk.
pub trait Files: fmt::Debug {
    /// Whether a name means a file: absolute as it is, else below the protocol's folder, or the workspace.
    fn holds(&self, name: &str) -> bool;

    /// Where it is looked for, in words that follow "there is no such file".
    fn searched(&self) -> String;
}

/// Names every prompt that is not there, where it is known what is.
pub(super) fn check(
    steps: &[Step],
    spec: &Value,
    context: &SpecContext<'_>,
    errors: &mut Vec<SpecError>,
) {
    let Some(files) = context.files else {
        return;
    };
    let empty = Map::new();
    let named = spec.get("placeholders").and_then(Value::as_object);
    let search = Search {
        files,
        values: placeholders::values(named.unwrap_or(&empty), |_| None),
        writers: writers(steps),
    };
    for step in steps {
        for (key, name) in prompts(step) {
            if !search.finds(name, step.position) {
                let searched = files.searched();
                errors.push(SpecError::at(
                    format!("/steps/{}/{key}", step.position),
                    format!(
                        "there is no file {name:?} {searched}, and no other step has it as an output"
                    ),
                ));
            }
        }
    }
}

struct Search<'a> {
    files: &'a dyn Files,
    values: Values,
    /// By output, the places of the steps that write it.
    writers: BTreeMap<&'a str, BTreeSet<usize>>,
}

impl Search<'_> {
    /// Whether there is a prompt for the step at a place. What that writes itself comes too late.
    fn finds(&self, name: &str, position: usize) -> bool {
        let is_plain = placeholders::fill_path(name, &self.values).is_ok_and(|path| path == name);
        let mut writers = self.writers.get(name).into_iter().flatten();
        !is_plain || writers.any(|writer| *writer != position) || self.files.holds(name)
    }
}

fn writers(steps: &[Step]) -> BTreeMap<&str, BTreeSet<usize>> {
    let mut writers = BTreeMap::<_, BTreeSet<_>>::new();
    for step in steps {
        for output in outputs(step) {
            writers.entry(output).or_default().insert(step.position);
        }
    }
    writers
}

/// A step's prompts that do not come with millwright.
fn prompts(step: &Step) -> impl Iterator<Item = (&'static str, &str)> {
    let qa = &step.spec.qa;
    let own = [
        ("qa/prompt", &qa.prompt, QUALITY_PROMPT),
        ("qa/fix_prompt", &qa.fix_prompt, AUTO_FIX_PROMPT),
    ];
    let own = own.into_iter().filter_map(|(key, name, bundled)| {
        let name = name.as_deref().filter(|name| *name != bundled)?;
        Some((key, name))
    });
    std::iter::once(("prompt_ref", step.spec.prompt_ref.as_str())).chain(own)
}

fn outputs(step: &Step) -> impl Iterator<Item = &str> {
    let outputs = step.spec.outputs.as_ref();
    let protocol = outputs.and_then(|outputs| outputs.protocol.as_deref());
    let aux = outputs.into_iter().flat_map(|outputs| outputs.aux.values());
    protocol.into_iter().chain(aux.map(String::as_str))
}
