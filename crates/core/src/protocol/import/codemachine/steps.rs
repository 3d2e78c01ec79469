//! Steps of the spec, from what the workspace asks for.
//!
//! Always so: a step follows the one before it, states its check, and has an id of its own.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::catalog::Catalog;
use super::drafts::Draft;
use super::fields::{
    ANY_CONDITION, CHAINED, EFFORT, ENGINE, EXECUTE_ONCE, Fields, MIRROR, NAME, PROMPT,
};
use super::modules::{Behavior, Module, Steps};
use super::{DIRECTIVE_FILE, ENGINE as CODEMACHINE, Files, Notes};
use crate::protocol::placeholders::fill_path;

/// What is known of all steps before one is made.
struct Workflow<'a> {
    ids: Vec<String>,
    known: Steps,
    catalog: &'a Catalog<'a>,
}

/// The steps' entries, in their order.
pub(super) fn of(
    drafts: &[Draft<'_>],
    catalog: &Catalog<'_>,
    files: &impl Files,
    notes: &mut Notes,
) -> Vec<Value> {
    let once = (0i64..).zip(drafts);
    let once = once.filter(|(_, draft)| draft.fields.is_set(EXECUTE_ONCE));
    let known = Steps {
        agents: drafts.iter().map(|draft| draft.agent.clone()).collect(),
        once: once.map(|(index, _)| index).collect(),
    };
    let workflow = Workflow {
        ids: ids(&known.agents),
        known,
        catalog,
    };
    let mut steps = Vec::with_capacity(drafts.len());
    for (index, draft) in drafts.iter().enumerate() {
        if let Some(prompts) = prompts(draft, catalog, files, notes) {
            steps.push(workflow.step(draft, index, &prompts, notes));
        }
    }
    steps
}

/// The agents that others call: what is known of them, for whoever calls them.
pub(super) fn sub_agents(
    catalog: &Catalog<'_>,
    wanted: Option<&Vec<Value>>,
    files: &impl Files,
    notes: &mut Notes,
) -> Vec<Value> {
    let known: BTreeSet<&str> = catalog.sub_agents.iter().map(|entry| entry.id).collect();
    for id in wanted.into_iter().flatten().filter_map(Value::as_str) {
        if !known.contains(id) {
            notes.warn("subAgentIds", format!("there is no sub agent {id:?}"));
        }
    }
    let is_wanted = |id: &str| wanted.is_none_or(|wanted| wanted.iter().any(|entry| entry == id));
    let entries = catalog
        .sub_agents
        .iter()
        .filter(|entry| is_wanted(entry.id));
    entries
        .map(|entry| {
            let fields = Fields::of([entry.fields]);
            let mut about = Map::new();
            about.insert("id".to_owned(), json!(entry.id));
            describe(&mut about, &fields);
            let mut prompts = Vec::new();
            for written in fields.texts(PROMPT) {
                match find(written, catalog, |path| files.prompt(path)) {
                    Ok(path) => prompts.push(path),
                    Err(reason) => notes.warn(&entry.place, reason),
                }
            }
            put(&mut about, "prompts", non_empty(prompts));
            Value::Object(about)
        })
        .collect()
}

impl Workflow<'_> {
    fn step(
        &self,
        draft: &Draft<'_>,
        index: usize,
        prompts: &[String],
        notes: &mut Notes,
    ) -> Value {
        let fields = &draft.fields;
        let (id, prompt) = (&self.ids[index], &prompts[0]);
        let name = format!("{index:02}-{}", draft.agent);
        let mut step = Map::new();
        step.insert("id".to_owned(), json!(id));
        step.insert("name".to_owned(), json!(name));
        put(&mut step, "description", fields.text(&["description"]));
        step.insert("engine_id".to_owned(), json!(CODEMACHINE));
        put(&mut step, "model", fields.text(&["model"]));
        step.insert("prompt_ref".to_owned(), json!(prompt));
        step.insert("qa".to_owned(), qa(draft, prompt));
        let outputs = json!({
            "protocol": format!("{name}.md"),
            "aux": {"codemachine": format!("aux/codemachine/{id}.md")},
        });
        step.insert("outputs".to_owned(), outputs);
        let policies = policies(draft, &self.known, notes);
        put(&mut step, "policies", non_empty(policies));
        let previous = index.checked_sub(1).and_then(|before| self.ids.get(before));
        put(&mut step, "depends_on", previous.map(|previous| [previous]));
        let inputs = inputs(draft, prompts, self.catalog);
        step.insert("inputs".to_owned(), inputs);
        put(&mut step, "metadata", metadata(draft));
        Value::Object(step)
    }
}

fn metadata(draft: &Draft<'_>) -> Option<Value> {
    let mut about = Map::new();
    describe(&mut about, &draft.fields);
    let module = draft.module.as_ref().map(|module| module.id);
    put(&mut about, "module", module);
    (!about.is_empty()).then(|| json!({"codemachine": about}))
}

/// What the engine needs beside the prompt.
fn inputs(draft: &Draft<'_>, prompts: &[String], catalog: &Catalog<'_>) -> Value {
    let fields = &draft.fields;
    let mut inputs = Map::new();
    inputs.insert("agent_id".to_owned(), json!(draft.agent));
    put(&mut inputs, "engine_id", fields.text(ENGINE).map(engine));
    put(&mut inputs, "reasoning_effort", fields.text(EFFORT));
    let more = &prompts[1..];
    put(&mut inputs, "more_prompts", non_empty(more.to_vec()));
    put(&mut inputs, "specification", catalog.specification.as_ref());
    let known = &catalog.placeholders.in_spec;
    if prompts.len() > 1 && !known.is_empty() {
        // The engine reads these prompts, and fills them in as the first one was.
        inputs.insert("placeholders".to_owned(), json!(known));
    }
    inputs.insert("directive".to_owned(), json!(DIRECTIVE_FILE));
    Value::Object(inputs)
}

/// CodeMachine checks nothing but what a module's agent says of itself: the check of a loop reads that.
fn qa(draft: &Draft<'_>, prompt: &str) -> Value {
    match draft.fields.get(&["qa"]) {
        Some(Value::String(policy)) => return json!({"policy": policy}),
        Some(Value::Object(qa)) => return Value::Object(qa.clone()),
        _ => {}
    }
    let behavior = draft.module.as_ref().map(Module::behavior);
    if behavior == Some(Ok(Some(Behavior::Loop))) {
        let inputs = json!({"agent_id": draft.agent, "directive": DIRECTIVE_FILE});
        json!({"policy": "light", "engine_id": CODEMACHINE, "prompt": prompt, "inputs": inputs})
    } else {
        json!({"policy": "skip"})
    }
}

fn policies(draft: &Draft<'_>, known: &Steps, notes: &mut Notes) -> Vec<Map<String, Value>> {
    let modules = draft.module.iter().chain(&draft.attached);
    modules
        .filter_map(|module| module.policy(known, &draft.place, notes))
        .collect()
}

/// The agent's prompts, the first of them its own.
fn prompts(
    draft: &Draft<'_>,
    catalog: &Catalog<'_>,
    files: &impl Files,
    notes: &mut Notes,
) -> Option<Vec<String>> {
    let overridden = draft.fields.texts(PROMPT);
    let mut found: Vec<String> = Vec::new();
    if let Some(prompt) = &draft.prompt {
        found.push(prompt.clone());
    } else if overridden.iter().all(|written| written.trim().is_empty()) {
        let reason = format!("the agent {} has no promptPath", draft.agent);
        notes.wrong(&draft.place, reason);
        return None;
    } else {
        for written in overridden {
            match find(written, catalog, |path| files.prompt(path)) {
                Ok(path) => found.push(path),
                Err(reason) => notes.wrong(&draft.place, reason),
            }
        }
    }
    for written in chained(draft, catalog) {
        match find(written, catalog, |path| files.prompts(path)) {
            Ok(paths) => found.extend(paths),
            Err(reason) => notes.wrong(&draft.place, reason),
        }
    }
    (!found.is_empty()).then_some(found)
}

/// The prompts that follow the first, as far as they were chosen.
fn chained<'a>(draft: &Draft<'a>, catalog: &Catalog<'_>) -> Vec<&'a str> {
    let of_entry = |entry: &'a Value| match entry {
        Value::Object(about) => {
            let fields = Fields::of([about]);
            let is_chosen = catalog.chosen.leaves_out(&fields).is_none();
            fields.text(PROMPT).filter(|_| is_chosen)
        }
        other => other.as_str(),
    };
    match draft.fields.get(CHAINED) {
        Some(Value::Array(entries)) => entries.iter().filter_map(of_entry).collect(),
        Some(other) => of_entry(other).into_iter().collect(),
        None => Vec::new(),
    }
}

fn find<T>(
    written: &str,
    catalog: &Catalog<'_>,
    find: impl Fn(&str) -> Result<T, String>,
) -> Result<T, String> {
    let path = fill_path(written, &catalog.placeholders.in_paths);
    let path = path.map_err(|missing| format!("promptPath {written}: {missing}"))?;
    find(&path).map_err(|reason| format!("promptPath {path} {reason}"))
}

/// What is kept of an agent's entry beside what a step has a place for.
fn describe(about: &mut Map<String, Value>, fields: &Fields<'_>) {
    for (key, spellings) in [
        ("name", NAME),
        ("mirror_path", MIRROR),
        ("execute_once", EXECUTE_ONCE),
        ("interactive", &["interactive"]),
        ("tracks", &["tracks"]),
        ("conditions", &["conditions"]),
        ("conditions_any", ANY_CONDITION),
    ] {
        put(about, key, fields.get(spellings));
    }
}

/// CodeMachine's names of engines, in ours.
pub(super) fn engine(name: &str) -> String {
    match name.to_lowercase().as_str() {
        "claude" => "claude-code".to_owned(),
        other => other.to_owned(),
    }
}

/// An id for each step: its agent's, with a number where the agent has several.
fn ids(agents: &[String]) -> Vec<String> {
    let mut taken: BTreeSet<String> = agents.iter().cloned().collect();
    let mut seen = BTreeSet::new();
    let id_of = |agent: &String| {
        if seen.insert(agent.clone()) {
            return agent.clone();
        }
        let mut numbered = (2..).map(|number| format!("{agent}-{number}"));
        let id = numbered.find(|id| !taken.contains(id));
        let id = id.expect("there are more numbers than steps");
        taken.insert(id.clone());
        id
    };
    agents.iter().map(id_of).collect()
}

fn non_empty<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

fn put(map: &mut Map<String, Value>, key: &str, value: Option<impl serde::Serialize>) {
    if let Some(value) = value {
        map.insert(key.to_owned(), json!(value));
    }
}
