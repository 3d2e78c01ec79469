//! Validation: the schema first, then what no schema can say.
//!
//! Always so: all that is wrong is told at once, each with its JSON pointer, and no more than a person reads.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use millwright_core::protocol::{
    Files, PlannedStep, Project, ProjectDefaults, ProtocolRun, SpecContext, SpecError,
    planned_steps,
};
use millwright_step::engine::Registry;
use serde_json::Value;

use super::{schema, sentence};

/// So many errors are told; the last one then says how many more there are.
pub const MOST_ERRORS: usize = 100;

static ENGINES: LazyLock<Vec<&str>> = LazyLock::new(|| Registry::default().ids().collect());

/// The engines of this version.
pub fn engines() -> &'static [&'static str] {
    &ENGINES
}

/// The steps that a spec plans.
///
/// # Errors
/// Everything that is wrong with it, in the order of its steps.
pub fn validate(
    spec: &Value,
    context: &SpecContext<'_>,
) -> Result<Vec<PlannedStep>, Vec<SpecError>> {
    let of_schema = schema_errors(spec);
    match planned_steps(spec, context) {
        Ok(steps) if of_schema.is_empty() => Ok(steps),
        Ok(_) => Err(bounded(of_schema)),
        Err(beyond) => Err(bounded(together(of_schema, beyond))),
    }
}

/// The steps that a spec plans in a protocol run's folders. `engines` are those that there are, and `files` what its work will
/// find, each where that is asked.
///
/// # Errors
/// As [`validate`].
pub fn validate_in(
    run: &ProtocolRun,
    project: &Project,
    spec: &Value,
    engines: Option<&[&str]>,
    files: Option<&dyn Files>,
) -> Result<Vec<PlannedStep>, Vec<SpecError>> {
    let workspace = run.chosen_worktree().or(project.local_path.as_ref());
    let defaults = ProjectDefaults::of_project(None, project.policy_overrides.as_ref());
    let root = run.root();
    let context = SpecContext {
        engines,
        workspace: workspace.map(String::as_str),
        protocol_root: Some(&root),
        outside_allowed: defaults.allow_outside_paths,
        files: files.filter(|_| !defaults.allow_missing_prompts),
    };
    validate(spec, &context)
}

fn schema_errors(spec: &Value) -> Vec<SpecError> {
    let errors = schema::validator().iter_errors(spec);
    errors
        .map(|error| SpecError::at(error.instance_path().as_str(), sentence::of(&error)))
        .collect()
}

/// Both kinds by step. What the schema says of a place is more exact than what reading it says.
fn together(of_schema: Vec<SpecError>, beyond: Vec<SpecError>) -> Vec<SpecError> {
    let places = of_schema.iter().flat_map(|error| above(&error.pointer));
    let told: BTreeSet<String> = places.map(str::to_owned).collect();
    let mut all = of_schema;
    all.extend(
        beyond
            .into_iter()
            .filter(|error| !told.contains(&error.pointer)),
    );
    all.sort_by_key(SpecError::step);
    all
}

/// A place and every place that holds it.
fn above(pointer: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(pointer), |pointer| Some(pointer.rsplit_once('/')?.0))
}

fn bounded(mut errors: Vec<SpecError>) -> Vec<SpecError> {
    let more = errors.len().saturating_sub(MOST_ERRORS);
    errors.truncate(MOST_ERRORS);
    if more > 0 {
        errors.push(SpecError::at("", format!("and {more} more")));
    }
    errors
}
