//! Which engine does a step's work, and which model it uses.
//!
//! Always so: the first that says something decides, in the contract's order, and nothing is read but what was handed over.

use millwright_core::protocol::{Assignment, Kind, StepSpec};
use serde_json::{Map, Value};

use super::settings::{LAST_ENGINE, Settings};

/// The engine's id: what the spec says, the step, its template, the project, the environment.
pub(super) fn engine<'a>(
    kind: Kind,
    spec: &'a StepSpec,
    assignment: &'a Assignment,
    settings: &'a Settings,
) -> &'a str {
    let of_qa = spec.qa.engine_id.as_deref().filter(|_| kind == Kind::Qa);
    of_qa
        .or(spec.engine_id.as_deref())
        .or(assignment.engine_id.as_deref())
        .or(of_template(&assignment.template, "engine_id"))
        .or(assignment.defaults.engine_id.as_deref())
        .or(settings.agent.as_deref())
        .or(settings.engine(kind))
        .unwrap_or(LAST_ENGINE)
}

/// The model: what the spec says, the step, its template, the project, the environment; the engine's own where all are
/// silent.
pub(super) fn model(
    kind: Kind,
    spec: &StepSpec,
    assignment: &Assignment,
    settings: &Settings,
    of_engine: Option<&str>,
) -> Option<String> {
    let defaults = &assignment.defaults;
    let found = match kind {
        Kind::Execute => spec
            .model
            .as_deref()
            .or(assignment.model.as_deref())
            .or(of_template(&assignment.template, "model"))
            .or(defaults.model.as_deref()),
        Kind::Qa => spec.qa.model.as_deref().or(defaults.qa_model.as_deref()),
    };
    let found = found.or(settings.model(kind)).or(of_engine);
    found.map(str::to_owned)
}

/// What a template says for all of its steps.
fn of_template<'a>(template: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    let named = template.get(key)?.as_str()?;
    Some(named).filter(|text| !text.is_empty())
}
