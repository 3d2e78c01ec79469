//! What the jobs of a flow are called.
//!
//! Always so: a job is called as the mill calls it, as far as the flow's definition is known.

use serde_json::Value;

use crate::windmill::StepJob;

/// What a job of a flow is called: its step's id, `loop[0]`, or its branch's summary.
pub(super) fn label(step: &StepJob<'_>, definition: Option<&Value>) -> String {
    let id = step.module.id.as_deref().unwrap_or("step");
    let value = definition.and_then(|flow| value_of(flow, id));
    let branch = |index: usize| summary(value, index).unwrap_or_else(|| format!("branch {index}"));
    let chosen = step.module.branch_chosen.map(|chosen| chosen.branch);
    match (step.nth, chosen) {
        (Some(index), _) if value.is_some_and(|value| value["type"] == "branchall") => {
            branch(index)
        }
        (Some(index), _) => format!("{id}[{index}]"),
        (None, Some(Some(index))) => branch(index),
        (None, Some(None)) => "default".to_owned(),
        (None, None) => id.to_owned(),
    }
}

/// Whether the jobs of a step run at the same time.
pub(super) fn is_parallel(step: &StepJob<'_>, definition: Option<&Value>) -> bool {
    let id = step.module.id.as_deref().unwrap_or_default();
    let said = definition.and_then(|flow| value_of(flow, id)?["parallel"].as_bool());
    said.unwrap_or_else(|| step.module.under_way() > 1)
}

fn summary(value: Option<&Value>, index: usize) -> Option<String> {
    let summary = value?["branches"][index]["summary"].as_str()?;
    (!summary.is_empty()).then(|| summary.to_owned())
}

/// The value of the step with an id, wherever in the flow it is.
fn value_of<'a>(flow: &'a Value, id: &str) -> Option<&'a Value> {
    match flow {
        Value::Object(members) if members.get("id").is_some_and(|own| own == id) => {
            members.get("value")
        }
        Value::Object(members) => members.values().find_map(|one| value_of(one, id)),
        Value::Array(all) => all.iter().find_map(|one| value_of(one, id)),
        _ => None,
    }
}
