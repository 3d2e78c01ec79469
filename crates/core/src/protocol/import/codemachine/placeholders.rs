//! A workspace's placeholders: as its prompts and paths use them, and as the spec has them.
//!
//! Always so: what names a file is read when a step runs, since an earlier step may have written it.

use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::{Files, Notes, Source, Workspace};
use crate::protocol::placeholders::{Builtin, Values};

/// What `config/placeholders.js` says, and what was chosen for the run.
#[derive(Default)]
pub(super) struct Placeholders {
    /// As they are written, for paths of prompts.
    pub(super) in_paths: Values,
    /// As the spec has them: a text, or `{"file": path}`.
    pub(super) in_spec: Map<String, Value>,
}

/// What a group's paths are relative to; without groups, what is no path is a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Flat,
    OfProject,
    OfPackage,
}

impl Placeholders {
    pub(super) fn read(workspace: &Workspace, files: &impl Files, notes: &mut Notes) -> Self {
        let mut found = Self::default();
        if let Some(source) = &workspace.placeholders {
            found.read_file(source, files, notes);
        }
        if let Some(Value::Object(state)) = workspace.state.as_ref().map(|state| &state.value) {
            found.read_state(&Fields::of([state]));
        }
        found
            .in_spec
            .extend(Builtin::ALL.iter().map(|known| known.entry()));
        found
    }

    fn read_file(&mut self, source: &Source, files: &impl Files, notes: &mut Notes) {
        let Value::Object(all) = &source.value else {
            notes.wrong(&source.file, "it exports no object");
            return;
        };
        let group = |key: &str| all.get(key).and_then(Value::as_object);
        let (of_project, of_package) = (group("userDir"), group("packageDir"));
        if of_project.or(of_package).is_none() {
            self.read_group(source, all, Kind::Flat, files, notes);
        }
        if let Some(group) = of_package {
            self.read_group(source, group, Kind::OfPackage, files, notes);
        }
        // The project's own come last, and so before the package's.
        if let Some(group) = of_project {
            self.read_group(source, group, Kind::OfProject, files, notes);
        }
    }

    fn read_group(
        &mut self,
        source: &Source,
        group: &Map<String, Value>,
        kind: Kind,
        files: &impl Files,
        notes: &mut Notes,
    ) {
        for (name, value) in group {
            let place = format!("{}: {name}", source.file);
            let Some(written) = value.as_str() else {
                notes.warn(&place, "this is no text, and is left out");
                continue;
            };
            self.in_paths.insert(name, written);
            if kind == Kind::Flat && !looks_like_file(written) {
                self.in_spec.insert(name.clone(), json!(written));
                continue;
            }
            match files.later(written, kind == Kind::OfPackage) {
                Ok(path) => {
                    self.in_spec.insert(name.clone(), json!({"file": path}));
                }
                Err(reason) => notes.wrong(place, format!("{written} {reason}")),
            }
        }
    }

    fn read_state(&mut self, state: &Fields<'_>) {
        let conditions = state.texts(&["selectedConditions"]).join(", ");
        let known = [
            ("project_name", state.text(&["projectName"])),
            ("selected_track", state.text(&["selectedTrack"])),
            (
                "selected_conditions",
                Some(&*conditions).filter(|text| !text.is_empty()),
            ),
        ];
        for (name, value) in known {
            if let Some(value) = value {
                self.in_spec.insert(name.to_owned(), json!(value));
            }
        }
    }
}

/// Whether a placeholder without a group is a file rather than a text: its last part has an extension.
fn looks_like_file(written: &str) -> bool {
    let last = written.rsplit('/').next().unwrap_or(written);
    let extension = last.rsplit_once('.').map(|(_, extension)| extension);
    let is_extension = |text: &str| {
        text.len() <= 8
            && text.starts_with(char::is_alphabetic)
            && text.chars().all(char::is_alphanumeric)
    };
    !written.contains(char::is_whitespace) && extension.is_some_and(is_extension)
}
