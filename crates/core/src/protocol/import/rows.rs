//! Step rows of runs that have no spec: a spec that was derived from elsewhere is brought to what they say, or one is made
//! of them alone.
//!
//! Always so: a spec that is given names the same steps as the rows do, and what a row says of its step comes first.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::files;
use crate::protocol::{QaPolicy, StepRun, StepType};

/// A step's row, with its entry in the spec that it was last made from.
#[derive(Debug, Clone)]
pub struct StepRow {
    /// The row.
    pub step: StepRun,
    /// The entry; none where the row was made without a spec.
    pub entry: Option<Value>,
}

/// Why a spec is not that of the rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The spec names other steps.
    #[error("its steps are not those of the run: {}", differences(.unknown, .missing))]
    OtherSteps {
        /// Those of the spec alone.
        unknown: Vec<String>,
        /// Those of the run alone.
        missing: Vec<String>,
    },
    /// A row waits for one that is none of the run's.
    #[error("the step {step:?} waits for the step run {needs}, which is none of the run's")]
    UnknownNeed {
        /// The row's name.
        step: String,
        /// What it waits for.
        needs: i64,
    },
    /// A row's prompt is nowhere.
    #[error("no file is known to be the prompt of the step {0:?}")]
    NoPrompt(String),
    /// There are no rows.
    #[error("the run has no steps")]
    NoSteps,
}

/// Brings a spec to rows: their steps in their order, with what they say of engine, model, policies, type and dependencies.
///
/// # Errors
/// [`Misfit`] where the two do not have the same steps.
pub fn fit(mut spec: Value, rows: &[StepRow]) -> Result<Value, Misfit> {
    let steps = spec.get_mut("steps").and_then(Value::as_array_mut);
    let entries = steps.map(std::mem::take).unwrap_or_default();
    let mut by_name: BTreeMap<String, Value> = entries
        .into_iter()
        .map(|entry| (name_of(&entry).to_owned(), entry))
        .collect();
    let taken: Vec<(&StepRow, Option<Value>)> = rows
        .iter()
        .map(|row| (row, by_name.remove(&row.step.step_name)))
        .collect();
    let missing = taken.iter().filter(|(_, entry)| entry.is_none());
    let missing: Vec<String> = missing.map(|(row, _)| row.step.step_name.clone()).collect();
    let unknown: Vec<String> = by_name.into_keys().collect();
    if !unknown.is_empty() || !missing.is_empty() {
        return Err(Misfit::OtherSteps { unknown, missing });
    }
    let entries = taken.into_iter().filter_map(|(_, entry)| entry);
    spec["steps"] = Value::Array(with_rows(entries.collect(), rows)?);
    Ok(spec)
}

/// The spec of rows alone: each by its entry, else by its name where that is a step's file. `is_there` tells whether the run
/// has a file; that of a step that is done may be gone.
///
/// # Errors
/// [`Misfit`] where there is no row, or a row's prompt cannot be told.
pub fn spec_of_rows(
    rows: &[StepRow],
    mut is_there: impl FnMut(&str) -> bool,
) -> Result<Value, Misfit> {
    if rows.is_empty() {
        return Err(Misfit::NoSteps);
    }
    let entry = |row: &StepRow| match &row.entry {
        Some(entry) => Ok(entry.clone()),
        None => of_name(row, &mut is_there),
    };
    let entries: Vec<Value> = rows.iter().map(entry).collect::<Result<_, _>>()?;
    let steps = with_rows(entries, rows)?;
    Ok(json!({"steps": steps, "metadata": {"source": "rows"}}))
}

fn of_name(row: &StepRow, is_there: &mut impl FnMut(&str) -> bool) -> Result<Value, Misfit> {
    let name = row.step.step_name.as_str();
    if let Some(stem) = name.strip_suffix(".md")
        && (row.step.status.is_done() || is_there(name))
    {
        if files::is_step_file(name) {
            return Ok(files::step(name, stem, &[]));
        }
        return Ok(checked(name, name));
    }
    let file = format!("{name}.md");
    if is_there(&file) {
        return Ok(checked(name, &file));
    }
    Err(Misfit::NoPrompt(name.to_owned()))
}

/// A step without a word on its check is checked in full.
fn checked(name: &str, prompt: &str) -> Value {
    let policy = QaPolicy::Full.as_str();
    json!({"id": name, "name": name, "engine_id": null, "prompt_ref": prompt, "qa": {"policy": policy}})
}

fn with_rows(entries: Vec<Value>, rows: &[StepRow]) -> Result<Vec<Value>, Misfit> {
    let ids: BTreeMap<i64, String> = rows
        .iter()
        .zip(&entries)
        .filter_map(|(row, entry)| Some((row.step.id, entry.get("id")?.as_str()?.to_owned())))
        .collect();
    let mut entries = entries;
    for (entry, row) in entries.iter_mut().zip(rows) {
        if let Value::Object(entry) = entry {
            entry.shift_remove("order");
            say(entry, &row.step);
            if let Some(needs) = needs(&row.step, &ids)? {
                entry.insert("depends_on".to_owned(), needs);
            }
        }
    }
    Ok(entries)
}

/// What a row says of its step.
fn say(entry: &mut Map<String, Value>, step: &StepRun) {
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            entry.insert(key.to_owned(), value);
        }
    };
    put("engine_id", step.engine_id.clone().map(Value::from));
    put("model", step.model.clone().map(Value::from));
    let step_type = step.step_type.parse::<StepType>().ok();
    put("step_type", step_type.map(|known| known.as_str().into()));
    put(
        "policies",
        match &step.policy {
            Some(policy @ Value::Object(_)) => Some(json!([policy])),
            Some(Value::Array(policies)) if !policies.is_empty() => Some(json!(policies)),
            _ => None,
        },
    );
}

/// The ids of the steps that a row waits for; none where it does not say.
fn needs(step: &StepRun, ids: &BTreeMap<i64, String>) -> Result<Option<Value>, Misfit> {
    let Some(needs) = &step.depends_on else {
        return Ok(None);
    };
    let id_of = |needs: &i64| {
        let unknown = Misfit::UnknownNeed {
            step: step.step_name.clone(),
            needs: *needs,
        };
        ids.get(needs).cloned().ok_or(unknown)
    };
    let ids: Vec<String> = needs.iter().map(id_of).collect::<Result<_, _>>()?;
    Ok(Some(json!(ids)))
}

fn name_of(entry: &Value) -> &str {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let name = text("name").filter(|name| !name.is_empty());
    name.or_else(|| text("id")).unwrap_or_default()
}

fn differences(unknown: &[String], missing: &[String]) -> String {
    let named = |names: &[String], what: &str| {
        let first = names.first()?;
        let more = names.len() - 1;
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        Some(format!("{first:?}{more} {what}"))
    };
    let both = [
        named(missing, "is not in it"),
        named(unknown, "is not in the run"),
    ];
    both.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
