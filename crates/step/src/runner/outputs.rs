//! Where a step's output goes.
//!
//! Always so: every path is absolute, and the same bytes go to each.

use std::collections::BTreeMap;
use std::path::PathBuf;

use millwright_core::protocol::{Assignment, Outputs, StepSpec, agent_id};

use super::files::{PathError, Places};

/// The engine whose steps keep a copy of their output by the agent's name.
const CODEMACHINE: &str = "codemachine";

/// A step's outputs, absolute.
pub(super) struct OutputFiles {
    pub(super) protocol: PathBuf,
    pub(super) aux: BTreeMap<String, PathBuf>,
}

/// The outputs that the spec names; where it names none, `outputs/<step>.md` in the protocol's folder, and for an agent of
/// `CodeMachine` `<step>.md` in the outputs' root, with a copy in `aux/codemachine/<agent>.md`.
pub(super) fn resolve(
    spec: &StepSpec,
    assignment: &Assignment,
    engine: &str,
    places: &Places,
) -> Result<OutputFiles, PathError> {
    let name = &assignment.protocol_name;
    let step = file_name(&assignment.step_name);
    let mut given = spec.outputs.clone().unwrap_or_default();
    if engine == CODEMACHINE {
        given.protocol.get_or_insert_with(|| format!("{step}.md"));
        let copy = || format!("aux/codemachine/{}.md", file_name(agent_id(&step)));
        let key = CODEMACHINE.to_owned();
        given.aux.entry(key).or_insert_with(copy);
    }
    let protocol = match &given.protocol {
        Some(path) => places.output("outputs.protocol", path, name)?,
        None => places.existing("outputs.protocol", &format!("outputs/{step}.md"))?,
    };
    let mut aux = BTreeMap::new();
    for (key, path) in &given.aux {
        let what = format!("outputs.aux.{key}");
        aux.insert(key.clone(), places.output(&what, path, name)?);
    }
    Ok(OutputFiles { protocol, aux })
}

/// A name as a part of a path.
pub(super) fn file_name(name: &str) -> String {
    let name = name.replace(['/', '\0'], "-");
    name[..name.floor_char_boundary(150)].to_owned()
}

impl OutputFiles {
    /// Every file.
    pub(super) fn all(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.protocol).chain(self.aux.values())
    }

    /// The files as events name them.
    pub(super) fn on_record(&self) -> Outputs {
        let text = |path: &PathBuf| path.display().to_string();
        Outputs {
            protocol: Some(text(&self.protocol)),
            aux: self
                .aux
                .iter()
                .map(|(key, path)| (key.clone(), text(path)))
                .collect(),
        }
    }
}
