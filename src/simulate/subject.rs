//! A flow that is simulated, with what its steps may do.
//!
//! Always so: a step is called by its id, one of a sub-flow by `step/inner`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use millwright_core::openflow::{Flow, Module, ModuleValue, Transform};
use serde_json::{Map, Value};

use super::known::known;
use super::values;
use crate::mill::{MillError, MillOptions, Prepared};

/// A flow that is simulated.
pub struct Subject {
    pub(super) prepared: Prepared,
    pub(super) options: MillOptions,
    pub(super) steps: Arc<BTreeMap<String, StepInfo>>,
    /// The sets of inputs that it may be given.
    pub(super) inputs: Vec<Map<String, Value>>,
    /// Whether it has a step for failures.
    pub(super) has_handler: bool,
}

/// Why a flow cannot be simulated.
#[derive(Debug, thiserror::Error)]
pub enum SubjectError {
    /// The mill does not run it.
    #[error(transparent)]
    Mill(#[from] MillError),
    /// A case names what the flow has not.
    #[error("the case does not fit the flow: {0}")]
    Case(String),
    /// The system does not do its part.
    #[error("the flow cannot be simulated: {0}")]
    System(#[from] std::io::Error),
}

/// What is known of a step.
#[derive(Debug, Clone)]
pub(super) struct StepInfo {
    /// The path of its script or flow.
    pub(super) path: Option<String>,
    /// What it may yield.
    pub(super) values: Vec<Value>,
    pub(super) is_retried: bool,
    pub(super) is_in_while: bool,
    pub(super) is_handler: bool,
    /// The steps whose results its arguments need.
    pub(super) needs: Vec<String>,
}

impl Subject {
    /// Looks at a flow. `path` is its own, where it has one.
    ///
    /// # Errors
    /// Where the mill does not run such a flow.
    pub fn new(flow: Flow, path: Option<&str>, options: MillOptions) -> Result<Self, SubjectError> {
        let inputs = inputs_of(&flow);
        let has_handler = flow.value.failure_module.is_some();
        let prepared = Prepared::new(flow, path, &options.sources)?;
        let mut steps = BTreeMap::new();
        add(prepared.flow(), "", &prepared, &mut steps);
        Ok(Self {
            prepared,
            options,
            steps: Arc::new(steps),
            inputs,
            has_handler,
        })
    }
}

/// What is required alone, and everything.
fn inputs_of(flow: &Flow) -> Vec<Map<String, Value>> {
    let schema = flow.schema.clone().unwrap_or_default();
    let text = expressions(flow);
    let whole = values::of_schema(&schema, &text).into_iter().next();
    let Some(Value::Object(whole)) = whole else {
        return vec![Map::new()];
    };
    let required = schema["required"].as_array().into_iter().flatten();
    let required: Vec<&str> = required.filter_map(Value::as_str).collect();
    let least = whole
        .iter()
        .filter(|(name, _)| required.contains(&name.as_str()));
    let least: Map<String, Value> = least
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if least == whole {
        vec![whole]
    } else {
        vec![whole, least]
    }
}

fn add(flow: &Flow, within: &str, prepared: &Prepared, steps: &mut BTreeMap<String, StepInfo>) {
    let text = expressions(flow);
    let mut loops = Vec::new();
    flow.value.walk("", &mut |place, module| {
        if matches!(module.value, ModuleValue::WhileLoop(_)) {
            loops.push(format!("{place}/"));
        }
        let id = format!("{within}{}", module.id);
        let path = match &module.value {
            ModuleValue::Script(script) => Some(script.path.clone()),
            ModuleValue::Flow(flow) => Some(flow.path.clone()),
            ModuleValue::RawScript(_) => None,
            _ => return,
        };
        let output = path.as_deref().and_then(known).map(|known| &known.output);
        let info = StepInfo {
            values: output.map_or_else(values::of_nothing, |schema| {
                values::of_schema(schema, &text)
            }),
            path,
            is_retried: module.retry.is_some(),
            is_in_while: loops.iter().any(|around| place.starts_with(around)),
            is_handler: place.starts_with("/failure_module"),
            needs: needs_of(module, within),
        };
        steps.insert(id, info);
    });
    flow.value.walk("", &mut |_, module| {
        if let ModuleValue::Flow(inner) = &module.value
            && let Some(flow) = prepared.sub_flow(&inner.path)
        {
            add(&flow, &format!("{within}{}/", module.id), prepared, steps);
        }
    });
}

/// The steps that a step's arguments name plainly: `results.a`, and not `results.a?.b`, which reckons with its absence.
fn needs_of(module: &Module, within: &str) -> Vec<String> {
    let transforms = module.value.input_transforms().into_iter().flatten();
    let expressions = transforms.filter_map(|(_, transform)| match transform {
        Transform::Javascript(expression) => Some(expression.as_str()),
        _ => None,
    });
    let mut needs = Vec::new();
    for expression in expressions {
        for (at, found) in expression.match_indices("results.") {
            let rest = &expression[at + found.len()..];
            let end = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            if !rest[end..].starts_with('?') {
                needs.push(format!("{within}{}", &rest[..end]));
            }
        }
    }
    needs
}

/// All that a flow's expressions say.
fn expressions(flow: &Flow) -> String {
    let mut text = String::new();
    collect(&flow.to_value(), &mut text);
    text
}

fn collect(value: &Value, text: &mut String) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(expression)) = object.get("expr") {
                writeln!(text, "{expression}").expect("a String takes all");
            }
            object.values().for_each(|value| collect(value, text));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, text)),
        _ => {}
    }
}
