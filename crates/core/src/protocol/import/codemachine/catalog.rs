//! What a workspace's configuration defines: agents, modules, placeholders, and what was chosen for the run.
//!
//! Always so: an id names one entry of its kind.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::fields::{ANY_CONDITION, Fields, ID};
use super::placeholders::Placeholders;
use super::{Files, Notes, Source, Workspace};

/// The definitions of a workspace.
pub(super) struct Catalog<'a> {
    pub(super) main_agents: Vec<Entry<'a>>,
    pub(super) sub_agents: Vec<Entry<'a>>,
    pub(super) modules: Vec<Entry<'a>>,
    pub(super) placeholders: Placeholders,
    pub(super) chosen: Chosen,
    pub(super) specification: Option<String>,
}

/// An agent or a module.
#[derive(Clone)]
pub(super) struct Entry<'a> {
    pub(super) id: &'a str,
    pub(super) fields: &'a Map<String, Value>,
    /// The file, and where in it.
    pub(super) place: String,
}

/// The track and the conditions that a person has chosen there.
#[derive(Default)]
pub(super) struct Chosen {
    track: Option<String>,
    conditions: BTreeSet<String>,
}

impl<'a> Catalog<'a> {
    pub(super) fn read(workspace: &'a Workspace, files: &impl Files, notes: &mut Notes) -> Self {
        Self {
            main_agents: entries(Some(&workspace.main_agents), notes),
            sub_agents: entries(workspace.sub_agents.as_ref(), notes),
            modules: entries(workspace.modules.as_ref(), notes),
            placeholders: Placeholders::read(workspace, files, notes),
            chosen: Chosen::read(workspace.state.as_ref()),
            specification: workspace.specification.clone(),
        }
    }

    pub(super) fn agent(&self, id: &str) -> Option<&Entry<'a>> {
        self.main_agents.iter().find(|entry| entry.id == id)
    }

    pub(super) fn module(&self, id: &str) -> Option<&Entry<'a>> {
        self.modules.iter().find(|entry| entry.id == id)
    }
}

impl Entry<'_> {
    /// A folder of agents rather than one.
    pub(super) fn is_folder(&self) -> bool {
        self.fields.get("type").and_then(Value::as_str) == Some("folder")
    }
}

impl Chosen {
    fn read(state: Option<&Source>) -> Self {
        let Some(Value::Object(state)) = state.map(|source| &source.value) else {
            return Self::default();
        };
        let fields = Fields::of([state]);
        let conditions = fields.texts(&["selectedConditions"]);
        Self {
            track: fields.text(&["selectedTrack"]).map(str::to_owned),
            conditions: conditions.into_iter().map(str::to_owned).collect(),
        }
    }

    /// Why an entry plays no part in the run.
    pub(super) fn leaves_out(&self, fields: &Fields<'_>) -> Option<String> {
        let tracks = fields.texts(&["tracks"]);
        if let Some(track) = &self.track
            && !tracks.is_empty()
            && !tracks.contains(&track.as_str())
        {
            return Some(format!("the track {track:?} was chosen"));
        }
        let is_chosen = |condition: &&str| self.conditions.contains(*condition);
        let conditions = fields.texts(&["conditions"]);
        if let Some(missing) = conditions.iter().find(|condition| !is_chosen(condition)) {
            return Some(format!("the condition {missing:?} was not chosen"));
        }
        let any = fields.texts(ANY_CONDITION);
        let holds = any.is_empty() || any.iter().any(is_chosen);
        (!holds).then(|| format!("none of the conditions {} was chosen", any.join(", ")))
    }
}

fn entries<'a>(source: Option<&'a Source>, notes: &mut Notes) -> Vec<Entry<'a>> {
    let Some(source) = source else {
        return Vec::new();
    };
    let Some(items) = list(&source.value) else {
        notes.wrong(&source.file, "it exports no list");
        return Vec::new();
    };
    let mut entries: Vec<Entry<'_>> = Vec::with_capacity(items.len());
    let mut seen = BTreeMap::new();
    for (position, item) in items.iter().enumerate() {
        let place = format!("{}: entry {position}", source.file);
        match entry(item, place) {
            Err((place, reason)) => notes.wrong(place, reason),
            Ok(entry) => {
                if let Some(first) = seen.insert(entry.id, position) {
                    let reason = format!("the id {:?} is that of entry {first} too", entry.id);
                    notes.wrong(&entry.place, reason);
                }
                entries.push(entry);
            }
        }
    }
    entries
}

/// A list, or what a file gives it a name for: `{agents: […]}`.
fn list(value: &Value) -> Option<&Vec<Value>> {
    match value {
        Value::Array(items) => Some(items),
        Value::Object(map) => match map.values().collect::<Vec<_>>()[..] {
            [Value::Array(items)] => Some(items),
            _ => None,
        },
        _ => None,
    }
}

fn entry(item: &Value, place: String) -> Result<Entry<'_>, (String, String)> {
    let Value::Object(fields) = item else {
        return Err((place, "this is no object".to_owned()));
    };
    match Fields::of([fields]).text(ID) {
        Some(id) if names_a_file(id) => Ok(Entry { id, fields, place }),
        Some(id) => {
            let reason = format!("the id {id:?} cannot name a file: use letters, digits, - and _");
            Err((place, reason))
        }
        None => Err((place, "it has no id".to_owned())),
    }
}

/// Whether an id can be part of a step's name and of an output's path.
fn names_a_file(id: &str) -> bool {
    let bad = |c: char| c.is_control() || "/\\".contains(c);
    id.len() <= 150 && !id.starts_with('.') && !id.contains(bad)
}
