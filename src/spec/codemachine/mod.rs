//! Import of CodeMachine workspaces: from a folder to a spec.
//!
//! Always so: a workspace's programs are run without any way to this machine, and every failure names its file.

mod disk;
mod script;

use std::path::Path;

use millwright_core::protocol::import::codemachine::{
    Imported, Problem, Source, Workspace, spec_of,
};

use disk::Disk;

/// Why a workspace gives no spec: everything that is wrong with it.
#[derive(Debug, thiserror::Error)]
#[error("{}", listed(.problems))]
pub struct ImportError {
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// The spec of the workspace in a folder: of its `.codemachine`, or of the folder itself.
///
/// The spec's paths are relative to the project's folder: where none is given, the one that holds `.codemachine`, else
/// the workspace's own. `workflow` names one of `templates/workflows/*.workflow.js`; by default the one that
/// `template.json` names, else the only one there is; without any, the main agents follow one another.
///
/// # Errors
/// [`ImportError`].
pub fn import(
    folder: &Path,
    project: Option<&Path>,
    workflow: Option<&str>,
) -> Result<Imported, ImportError> {
    let disk = Disk::find(folder, project)?;
    let workspace = read(&disk, workflow)?;
    spec_of(&workspace, &disk).map_err(|problems| ImportError { problems })
}

fn read(disk: &Disk, workflow: Option<&str>) -> Result<Workspace, ImportError> {
    let main_agents = disk.config("main.agents")?;
    let main_agents = main_agents.ok_or_else(|| Problem {
        place: disk.name_of(&disk.package),
        reason: "it has no config/main.agents.js any more".to_owned(),
    })?;
    let sub_agents = match disk.config("sub.agents")? {
        Some(sub_agents) => Some(sub_agents),
        None => disk.json("agents/agents-config.json")?,
    };
    let state = disk.json("template.json")?;
    Ok(Workspace {
        sub_agents,
        modules: disk.config("modules")?,
        placeholders: disk.config("placeholders")?,
        workflow: read_workflow(disk, workflow, state.as_ref())?,
        specification: disk.specification()?,
        state,
        main_agents,
    })
}

fn read_workflow(
    disk: &Disk,
    asked: Option<&str>,
    state: Option<&Source>,
) -> Result<Option<Source>, Problem> {
    let folder = disk.package.join("templates/workflows");
    let place = disk.name_of(&folder);
    let wrong = |reason| Problem {
        place: place.clone(),
        reason,
    };
    let mut names = disk
        .names_in(&folder)
        .map_err(|reason| wrong(format!("it {reason}")))?;
    // A name that begins with `_` is an example.
    names.retain(|name| name.ends_with(".workflow.js") && !name.starts_with('_'));
    let look_up = |wanted: &str| {
        let wanted = wanted.rsplit('/').next().unwrap_or(wanted);
        let wanted = wanted.trim_end_matches(".workflow.js");
        let mut names = names.iter();
        names.find(|name| name.trim_end_matches(".workflow.js") == wanted)
    };
    let active = state.and_then(|state| state.value.get("activeTemplate")?.as_str());
    let chosen = match (asked, active.and_then(look_up), &*names) {
        (Some(asked), _, _) => match look_up(asked) {
            Some(name) => name,
            None => return Err(wrong(format!("there is no workflow {asked:?}"))),
        },
        (None, Some(active), _) => active,
        (None, None, []) => return Ok(None),
        (None, None, [only]) => only,
        (None, None, several) => {
            let list = several.join(", ");
            return Err(wrong(format!(
                "there are several workflows, name one: {list}"
            )));
        }
    };
    disk.program(&folder.join(chosen)).map(Some)
}

impl From<Problem> for ImportError {
    fn from(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
        }
    }
}

fn listed(problems: &[Problem]) -> String {
    let sentences: Vec<String> = problems.iter().map(ToString::to_string).collect();
    sentences.join("\n")
}
