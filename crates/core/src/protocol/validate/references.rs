//! What a step names beside files: other steps, engines, the targets of its triggers.
//!
//! Always so: a step whose own entry cannot be read still counts as there for those that name it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{SpecError, Step};
use crate::protocol::agents_of;
use crate::protocol::policy::{is_trigger, target_agent};

/// Names every reference that leads nowhere.
pub(super) fn check(
    written: &[Value],
    steps: &[Step],
    engines: Option<&[&str]>,
    errors: &mut Vec<SpecError>,
) {
    let names = Names::of(written);
    for step in steps {
        refuse_unknown_needs(step, &names, errors);
        refuse_bad_targets(step, &names, errors);
        if let Some(engines) = engines {
            refuse_unknown_engines(step, engines, errors);
        }
    }
}

/// What steps can be named by.
struct Names<'a> {
    ids: BTreeSet<&'a str>,
    agents: BTreeSet<&'a str>,
}

impl<'a> Names<'a> {
    fn of(written: &'a [Value]) -> Self {
        let id = |step: &'a Value| step.get("id")?.as_str();
        let name = |step: &'a Value| {
            let name = step.get("name").and_then(Value::as_str);
            name.filter(|name| !name.is_empty()).or_else(|| id(step))
        };
        Self {
            ids: written.iter().filter_map(id).collect(),
            agents: written
                .iter()
                .filter_map(name)
                .flat_map(agents_of)
                .collect(),
        }
    }
}

fn refuse_unknown_needs(step: &Step, names: &Names<'_>, errors: &mut Vec<SpecError>) {
    for (nth, id) in step.spec.depends_on.iter().enumerate() {
        if !names.ids.contains(id.as_str()) {
            let pointer = format!("/steps/{}/depends_on/{nth}", step.position);
            errors.push(SpecError::at(
                pointer,
                format!("there is no step with the id {id:?}"),
            ));
        }
    }
}

fn refuse_bad_targets(step: &Step, names: &Names<'_>, errors: &mut Vec<SpecError>) {
    for (nth, policy) in step.spec.policies.iter().enumerate() {
        if !is_trigger(policy) {
            continue;
        }
        let message = match target_agent(policy) {
            Some(agent) if names.agents.contains(agent) => continue,
            Some(agent) => format!("the trigger's target {agent:?} is no step's agent"),
            None => "the trigger names no target: give it a trigger_agent_id".to_owned(),
        };
        let pointer = format!("/steps/{}/policies/{nth}", step.position);
        errors.push(SpecError::at(pointer, message));
    }
}

fn refuse_unknown_engines(step: &Step, engines: &[&str], errors: &mut Vec<SpecError>) {
    let named = [
        ("engine_id", &step.spec.engine_id),
        ("qa/engine_id", &step.spec.qa.engine_id),
    ];
    for (key, engine) in named {
        if let Some(engine) = engine
            && !engines.contains(&engine.as_str())
        {
            let known = engines.join(", ");
            errors.push(SpecError::at(
                format!("/steps/{}/{key}", step.position),
                format!("the engine {engine:?} is not known: this version has {known}"),
            ));
        }
    }
}
