//! The steps that a workspace asks for: its workflow's, or one for each main agent.
//!
//! Always so: a step that was not chosen is left out, and a warning says so.

use serde_json::{Map, Value};

use super::catalog::{Catalog, Entry};
use super::fields::{Fields, ID, texts_of};
use super::modules::Module;
use super::{Files, Notes, Source, Workspace};

/// The key of what the injected functions yield: `step`, `module` or `folder`.
const RESOLVE: &str = "$resolve";

/// A step before its prompt and its place are known.
pub(super) struct Draft<'a> {
    pub(super) agent: String,
    pub(super) fields: Fields<'a>,
    /// The file, and where in it.
    pub(super) place: String,
    /// A folder's prompt, found already.
    pub(super) prompt: Option<String>,
    /// The module that the step is.
    pub(super) module: Option<Module<'a>>,
    /// The modules that its agent names, or that name its agent.
    pub(super) attached: Vec<Module<'a>>,
}

/// The steps, in their order.
pub(super) fn of<'a>(
    workspace: &'a Workspace,
    catalog: &Catalog<'a>,
    files: &impl Files,
    notes: &mut Notes,
) -> Vec<Draft<'a>> {
    let mut drafts = match &workspace.workflow {
        Some(source) => of_workflow(source, catalog, files, notes),
        None => of_agents(catalog, files, notes),
    };
    for draft in &mut drafts {
        draft.attach(catalog, workspace.workflow.is_none(), notes);
    }
    drafts
}

fn of_agents<'a>(catalog: &Catalog<'a>, files: &impl Files, notes: &mut Notes) -> Vec<Draft<'a>> {
    let drafts = catalog.main_agents.iter().map(|entry| {
        let fields = Fields::of([entry.fields]);
        if entry.is_folder() {
            of_folder(entry, &entry.place, &fields, files)
        } else {
            let place = entry.place.clone();
            Ok(vec![Draft::new(entry.id, fields, place)])
        }
    });
    gather(drafts, notes)
}

fn of_workflow<'a>(
    source: &'a Source,
    catalog: &Catalog<'a>,
    files: &impl Files,
    notes: &mut Notes,
) -> Vec<Draft<'a>> {
    let Some(Value::Array(items)) = source.value.get("steps") else {
        notes.wrong(&source.file, "it exports no object with a list `steps`");
        return Vec::new();
    };
    let drafts = items.iter().enumerate().map(|(position, item)| {
        let place = format!("{}: steps[{position}]", source.file);
        of_item(item, place, catalog, files)
    });
    let mut drafts = gather(drafts, notes);
    drafts.retain(|draft| {
        let reason = catalog.chosen.leaves_out(&draft.fields);
        if let Some(reason) = &reason {
            let what = format!("the step of {} is left out: {reason}", draft.agent);
            notes.warn(&draft.place, what);
        }
        reason.is_none()
    });
    drafts
}

type Found<'a> = Result<Vec<Draft<'a>>, (String, String)>;

fn gather<'a>(found: impl Iterator<Item = Found<'a>>, notes: &mut Notes) -> Vec<Draft<'a>> {
    let mut all = Vec::new();
    for drafts in found {
        match drafts {
            Ok(drafts) => all.extend(drafts),
            Err((place, reason)) => notes.wrong(place, reason),
        }
    }
    all
}

fn of_item<'a>(
    item: &'a Value,
    place: String,
    catalog: &Catalog<'a>,
    files: &impl Files,
) -> Found<'a> {
    let Value::Object(written) = item else {
        let reason = if item.is_array() {
            "this is a list: a folder's steps are put in by `...resolveFolder(name)`"
        } else {
            "this is no step"
        };
        return Err((place, reason.to_owned()));
    };
    if matches!(
        written.get("type").and_then(Value::as_str),
        Some("separator" | "ui")
    ) {
        return Ok(Vec::new());
    }
    let own = Fields::of([written]);
    let Some(id) = own.text(ID) else {
        return Err((place, "it names no agent".to_owned()));
    };
    let overrides = written.get("overrides").and_then(Value::as_object);
    let unknown = |what: &str, file: &str| {
        Err((
            place.clone(),
            format!("there is no {what} {id:?} in {file}"),
        ))
    };
    match written.get(RESOLVE).and_then(Value::as_str) {
        Some("module") => match catalog.module(id) {
            Some(entry) => Ok(vec![Draft::of_module(entry, overrides, place)]),
            None => unknown("module", "config/modules.js"),
        },
        Some("folder") => match catalog.agent(id).filter(|entry| entry.is_folder()) {
            Some(entry) => {
                let fields = Fields::of(overrides.into_iter().chain([entry.fields]));
                of_folder(entry, &place, &fields, files)
            }
            None => unknown("folder", "config/main.agents.js"),
        },
        Some(_) => match catalog.agent(id).filter(|entry| !entry.is_folder()) {
            Some(entry) => {
                let fields = Fields::of(overrides.into_iter().chain([entry.fields]));
                Ok(vec![Draft::new(entry.id, fields, place)])
            }
            None => unknown("agent", "config/main.agents.js"),
        },
        None => Ok(vec![Draft::written_out(id, written, catalog, place)]),
    }
}

/// A step for each numbered prompt of a folder.
fn of_folder<'a>(
    entry: &Entry<'a>,
    place: &str,
    fields: &Fields<'a>,
    files: &impl Files,
) -> Found<'a> {
    let prompts = files.folder(entry.id).map_err(|reason| {
        (
            place.to_owned(),
            format!("the folder {} {reason}", entry.id),
        )
    })?;
    let drafts = prompts.into_iter().map(|prompt| Draft {
        agent: agent_of_file(&prompt).to_owned(),
        fields: fields.clone(),
        place: place.to_owned(),
        prompt: Some(prompt),
        module: None,
        attached: Vec::new(),
    });
    Ok(drafts.collect())
}

/// `3 - code-review.md` is the agent `code-review`.
fn agent_of_file(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let name = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let rest = name.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.trim_start().strip_prefix('-').unwrap_or(rest).trim()
}

impl<'a> Draft<'a> {
    fn new(agent: &str, fields: Fields<'a>, place: String) -> Self {
        Self {
            agent: agent.to_owned(),
            fields,
            place,
            prompt: None,
            module: None,
            attached: Vec::new(),
        }
    }

    fn of_module(
        entry: &Entry<'a>,
        overrides: Option<&'a Map<String, Value>>,
        place: String,
    ) -> Self {
        let fields = Fields::of(overrides.into_iter().chain([entry.fields]));
        Self {
            module: Some(Module {
                id: entry.id,
                fields: fields.clone(),
                is_step: true,
            }),
            ..Self::new(entry.id, fields, place)
        }
    }

    /// A step that a workflow writes out, as the injected functions would.
    fn written_out(
        id: &'a str,
        written: &'a Map<String, Value>,
        catalog: &Catalog<'a>,
        place: String,
    ) -> Self {
        let known = catalog.agent(id).or_else(|| catalog.module(id));
        let module = written.get("module").and_then(Value::as_object);
        let layers = [written].into_iter().chain(known.map(|entry| entry.fields));
        Self {
            module: module.map(|module| Module {
                id: Fields::of([module]).text(ID).unwrap_or(id),
                fields: Fields::of([module]),
                is_step: true,
            }),
            ..Self::new(id, Fields::of(layers), place)
        }
    }

    /// Modules belong to a step when its agent names them, or when they name its agent.
    fn attach(&mut self, catalog: &Catalog<'a>, is_agents_only: bool, notes: &mut Notes) {
        let named = ["moduleId", "module_id", "module"];
        let named = named.iter().filter_map(|key| self.fields.get(&[*key]));
        let named: Vec<&str> = named.flat_map(texts_of).collect();
        for id in &named {
            if catalog.module(id).is_none() {
                let reason = format!("there is no module {id:?} in config/modules.js");
                notes.wrong(&self.place, reason);
            }
        }
        let own = self.module.as_ref().map(|module| module.id);
        for entry in &catalog.modules {
            let module = Module {
                id: entry.id,
                fields: Fields::of([entry.fields]),
                is_step: false,
            };
            let is_named = named.contains(&entry.id);
            if own != Some(entry.id) && (is_named || module.names(&self.agent, is_agents_only)) {
                self.attached.push(module);
            }
        }
    }
}
