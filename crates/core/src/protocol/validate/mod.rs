//! Validation beyond the schema: everything that is wrong with a spec, at once, and the steps that it plans.
//!
//! Always so: a spec without errors gives steps with unique ids and names that are text of one line, whose dependencies exist
//! and form no cycle.

pub(super) mod cycle;
mod inputs;
mod paths;
mod prompts;
mod read;
mod references;

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{StepSpec, StepType, infer_step_type};
pub use inputs::{LONGEST_INPUTS, complaint as complaint_of_inputs};
pub use prompts::Files;
use read::Entries;

/// More steps than this are no plan.
pub const MOST_STEPS: usize = 20_000;

/// Something that is wrong with a spec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SpecError {
    /// Where, as a JSON pointer.
    pub pointer: String,
    /// What, in a sentence.
    pub message: String,
}

/// What a spec is checked against beside itself; what is absent is not checked.
#[derive(Debug, Clone, Copy, Default)]
pub struct SpecContext<'a> {
    /// The engines that there are.
    pub engines: Option<&'a [&'a str]>,
    /// The folder of the project's files, absolute.
    pub workspace: Option<&'a str>,
    /// The protocol's folder, absolute or below the workspace; `.protocols/<name>` when absent.
    pub protocol_root: Option<&'a str>,
    /// Whether paths may lead out of the workspace.
    pub outside_allowed: bool,
    /// The files that its steps will find.
    pub files: Option<&'a dyn Files>,
}

/// A step of a valid spec, with what its row needs.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedStep {
    /// Its place, from 0.
    pub index: i64,
    /// Its entry.
    pub spec: StepSpec,
    /// Its type, given or inferred from its name.
    pub step_type: StepType,
    /// The places of the steps that it depends on.
    pub depends_on: Vec<i64>,
}

/// A step that could be read, and where it stands in the spec.
struct Step {
    position: usize,
    spec: StepSpec,
}

impl SpecError {
    /// An error at a JSON pointer.
    pub fn at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            message: message.into(),
        }
    }

    /// The step in whose entry it is, by its place in the list; nothing for what is beside the steps.
    pub fn step(&self) -> Option<usize> {
        let rest = self.pointer.strip_prefix("/steps/")?;
        rest.split('/').next()?.parse().ok()
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = if self.pointer.is_empty() {
            "/"
        } else {
            &self.pointer
        };
        write!(f, "{pointer}: {}", self.message)
    }
}

/// The steps of a spec, by index.
///
/// # Errors
/// Everything that is wrong with it, by the places in the spec.
pub fn planned_steps(
    spec: &Value,
    context: &SpecContext<'_>,
) -> Result<Vec<PlannedStep>, Vec<SpecError>> {
    let mut errors = Vec::new();
    let Entries { written, steps } = read::entries(spec, &mut errors);
    refuse_repeated(&steps, "id", |step| &step.id, &mut errors);
    refuse_repeated(&steps, "name", StepSpec::row_name, &mut errors);
    refuse_empty(&steps, &mut errors);
    refuse_control(&steps, &mut errors);
    references::check(written, &steps, context.engines, &mut errors);
    paths::check(&steps, context, &mut errors);
    prompts::check(&steps, spec, context, &mut errors);
    inputs::check(&steps, &mut errors);
    cycle::refuse(&steps, &mut errors);
    if errors.is_empty() {
        Ok(place(steps))
    } else {
        errors.sort_by_key(SpecError::step);
        Err(errors)
    }
}

fn refuse_repeated<'a>(
    steps: &'a [Step],
    what: &str,
    key: impl Fn(&'a StepSpec) -> &'a str,
    errors: &mut Vec<SpecError>,
) {
    let mut seen = BTreeMap::new();
    for Step { position, spec } in steps {
        let key = key(spec);
        match seen.get(key) {
            Some(first) => errors.push(SpecError::at(
                format!("/steps/{position}/{what}"),
                format!("the {what} {key:?} is that of /steps/{first} too"),
            )),
            None => {
                seen.insert(key, position);
            }
        }
    }
}

fn refuse_empty(steps: &[Step], errors: &mut Vec<SpecError>) {
    for Step { position, spec } in steps {
        for (key, text) in [("id", &spec.id), ("prompt_ref", &spec.prompt_ref)] {
            if text.trim().is_empty() {
                errors.push(SpecError::at(
                    format!("/steps/{position}/{key}"),
                    "this is empty",
                ));
            }
        }
    }
}

/// Ids and names stand in variables, files' names and lines of a log.
fn refuse_control(steps: &[Step], errors: &mut Vec<SpecError>) {
    for Step { position, spec } in steps {
        let name = spec.name.as_deref().unwrap_or_default();
        for (key, text) in [("id", spec.id.as_str()), ("name", name)] {
            if let Some(control) = text.chars().find(|one| one.is_control()) {
                errors.push(SpecError::at(
                    format!("/steps/{position}/{key}"),
                    format!("it holds the control character {control:?}: leave it out"),
                ));
            }
        }
    }
}

/// Sorts by `order`, where given, and turns the ids of dependencies into places.
fn place(mut steps: Vec<Step>) -> Vec<PlannedStep> {
    steps.sort_by_key(|step| {
        let position = i64::try_from(step.position).unwrap_or(i64::MAX);
        step.spec.order.unwrap_or(position)
    });
    let places: BTreeMap<String, i64> = (0..)
        .zip(&steps)
        .map(|(index, step)| (step.spec.id.clone(), index))
        .collect();
    let planned = (0..)
        .zip(steps)
        .map(|(index, Step { spec, .. })| PlannedStep {
            index,
            step_type: spec
                .step_type
                .unwrap_or_else(|| infer_step_type(spec.row_name())),
            depends_on: spec
                .depends_on
                .iter()
                .filter_map(|id| places.get(id).copied())
                .collect(),
            spec,
        });
    planned.collect()
}

#[cfg(test)]
mod tests;
