//! CodeMachine workspaces: from evaluated configuration to a spec.
//!
//! Always so: a workspace that is wrong gives no spec, but everything that is wrong with it, each with its file.

mod catalog;
mod drafts;
mod fields;
mod modules;
mod outcome;
mod placeholders;
mod steps;

use std::fmt;

use serde_json::{Map, Value, json};

use catalog::Catalog;
pub use outcome::{import_enqueued, import_failed, imported};

/// Where an agent says what its workflow does next.
pub const DIRECTIVE_FILE: &str = ".codemachine/memory/directive.json";

/// The engine of every step that is imported.
pub const ENGINE: &str = "codemachine";

/// A workspace's configuration, after its programs have run.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// `config/main.agents.js`.
    pub main_agents: Source,
    /// `config/sub.agents.js`.
    pub sub_agents: Option<Source>,
    /// `config/modules.js`.
    pub modules: Option<Source>,
    /// `config/placeholders.js`.
    pub placeholders: Option<Source>,
    /// The workflow; without one, the main agents one after another.
    pub workflow: Option<Source>,
    /// `template.json`: what was chosen for a run there.
    pub state: Option<Source>,
    /// `inputs/specifications.md`, below the project's folder.
    pub specification: Option<String>,
}

/// A file, and what it says.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name in messages.
    pub file: String,
    /// What it says.
    pub value: Value,
}

/// Finds what a workspace names. Every path it gives is below the project's folder, and relative to it; every
/// error is the rest of a sentence that begins with the path.
pub trait Files {
    /// The file of a prompt.
    ///
    /// # Errors
    /// Why it cannot be used.
    fn prompt(&self, written: &str) -> Result<String, String>;

    /// The prompts of a file or of a folder of them.
    ///
    /// # Errors
    /// Why they cannot be used.
    fn prompts(&self, written: &str) -> Result<Vec<String>, String>;

    /// The numbered prompts of a folder of agents, in their order.
    ///
    /// # Errors
    /// Why there are none.
    fn folder(&self, name: &str) -> Result<Vec<String>, String>;

    /// A file that need not be there yet: relative to the folder of the configuration, or to the project's.
    ///
    /// # Errors
    /// Why it cannot be used.
    fn later(&self, written: &str, of_package: bool) -> Result<String, String>;
}

/// A spec, and what its author should know.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The spec.
    pub spec: Value,
    /// What was left out or changed, in sentences.
    pub warnings: Vec<String>,
}

/// Something that is wrong with a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, and where in it.
    pub place: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What is found on the way.
#[derive(Debug, Default)]
struct Notes {
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

/// The spec of a workspace: a step for each agent of the workflow, in its order.
///
/// # Errors
/// Everything that is wrong with it.
pub fn spec_of(workspace: &Workspace, files: &impl Files) -> Result<Imported, Vec<Problem>> {
    let mut notes = Notes::default();
    let catalog = Catalog::read(workspace, files, &mut notes);
    let drafts = drafts::of(workspace, &catalog, files, &mut notes);
    let steps = steps::of(&drafts, &catalog, files, &mut notes);
    if steps.is_empty() && notes.problems.is_empty() {
        let source = workspace.workflow.as_ref();
        notes.wrong(
            &source.unwrap_or(&workspace.main_agents).file,
            "it has no step",
        );
    }
    if !notes.problems.is_empty() {
        return Err(notes.problems);
    }
    let mut spec = json!({"version": "1", "template": template(workspace), "steps": steps});
    if !catalog.placeholders.in_spec.is_empty() {
        spec["placeholders"] = Value::Object(catalog.placeholders.in_spec.clone());
    }
    let about = about(workspace, &catalog, files, &mut notes);
    if !about.is_empty() {
        spec["metadata"] = json!({"codemachine": about});
    }
    Ok(Imported {
        spec,
        warnings: notes.warnings,
    })
}

/// Says in each step whose agent names no engine that it is this one, a project's.
pub fn name_engine(spec: &mut Value, engine: &str) {
    let steps = spec.get_mut("steps").and_then(Value::as_array_mut);
    for step in steps.into_iter().flatten() {
        if let Some(inputs) = step.get_mut("inputs").and_then(Value::as_object_mut)
            && !inputs.contains_key("engine_id")
        {
            inputs.insert("engine_id".to_owned(), steps::engine(engine).into());
        }
    }
}

/// Where the spec came from.
fn template(workspace: &Workspace) -> Value {
    let source = workspace.workflow.as_ref();
    let source = source.unwrap_or(&workspace.main_agents);
    let name = source.value.get("name").and_then(Value::as_str);
    let named = workspace.state.as_ref().and_then(|state| {
        let keys = ["name", "activeTemplate"];
        keys.iter().find_map(|key| state.value.get(*key)?.as_str())
    });
    let name = name.or(named).unwrap_or("codemachine");
    json!({"source": "codemachine", "name": name, "file": source.file})
}

/// What a spec has no place of its own for: the agents that other agents call, and what a person is asked.
fn about(
    workspace: &Workspace,
    catalog: &Catalog<'_>,
    files: &impl Files,
    notes: &mut Notes,
) -> Map<String, Value> {
    let mut about = Map::new();
    let workflow = workspace.workflow.as_ref().map(|source| &source.value);
    for (key, written) in [
        ("controller", "controller"),
        ("tracks", "tracks"),
        ("condition_groups", "conditionGroups"),
        ("autonomous_mode", "autonomousMode"),
    ] {
        if let Some(value) = workflow.and_then(|workflow| workflow.get(written)) {
            about.insert(key.to_owned(), value.clone());
        }
    }
    let wanted = workflow.and_then(|workflow| workflow.get("subAgentIds")?.as_array());
    let sub_agents = steps::sub_agents(catalog, wanted, files, notes);
    if !sub_agents.is_empty() {
        about.insert("sub_agents".to_owned(), sub_agents.into());
    }
    about
}

impl Notes {
    fn wrong(&mut self, place: impl Into<String>, reason: impl Into<String>) {
        self.problems.push(Problem {
            place: place.into(),
            reason: reason.into(),
        });
    }

    fn warn(&mut self, place: &str, what: impl fmt::Display) {
        self.warnings.push(format!("{place}: {what}"));
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}
