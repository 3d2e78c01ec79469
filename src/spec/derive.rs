//! A spec for a protocol run that has none: from what lies on disk, and from its step rows.
//!
//! Always so: a spec that is given is valid and names the run's steps and no other; a source that is the whole project's is
//! taken only where the run's steps tell that it is theirs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use millwright_core::protocol::import::files::{is_step_file, spec_of_files};
use millwright_core::protocol::import::rows::{StepRow, fit, spec_of_rows};
use millwright_core::protocol::import::tasks::{self, Task, TaskStatus};
use millwright_core::protocol::{Project, ProjectDefaults, ProtocolRun};
use millwright_step::files::read_file;
use serde_json::Value;

use super::read::LONGEST;
use super::{codemachine, validate_in};

/// A spec that was derived.
#[derive(Debug, Clone, PartialEq)]
pub struct Derived {
    /// The spec.
    pub spec: Value,
    /// What it was derived from: `files`, `tasks`, `codemachine` or `rows`.
    pub source: &'static str,
    /// What was left out.
    pub warnings: Vec<String>,
}

/// Why no spec can be derived.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDerived {
    /// There is nothing to derive it from: no steps, and no files that belong to the run alone.
    #[error("the run has no steps, and no files of its own")]
    Nothing,
    /// What was tried, and what is wrong with it, in a sentence.
    #[error("{0}")]
    Unsound(String),
}

/// Derives the spec of a protocol run: from the entries that its rows keep, else from its CodeMachine workspace, its step
/// files, its task list, the project's workspace or list, and at last from its rows' names.
///
/// # Errors
/// Why none can be derived.
pub fn derive(
    run: &ProtocolRun,
    project: &Project,
    rows: &[StepRow],
) -> Result<Derived, NotDerived> {
    let search = Search { run, project, rows };
    let folder = search.workspace();
    let sources: [&dyn Fn() -> Vec<Found>; 4] = [
        &|| search.entries(),
        &|| search.of_the_run(folder.as_ref()),
        &|| search.of_the_project(folder.as_ref()),
        &|| search.names(folder.as_ref()),
    ];
    let mut reasons = Vec::new();
    for found in sources.iter().flat_map(|source| source()) {
        match found.outcome.and_then(|derived| search.accepted(derived)) {
            Ok(derived) => return Ok(derived),
            Err(reason) => reasons.push(format!("{}: {reason}", found.place)),
        }
    }
    if reasons.is_empty() && rows.is_empty() {
        return Err(NotDerived::Nothing);
    }
    if let Err(reason) = folder {
        reasons.insert(0, reason);
    }
    Err(NotDerived::Unsound(reasons.join("; ")))
}

/// What a place came to.
struct Found {
    place: String,
    outcome: Result<Derived, String>,
}

struct Search<'a> {
    run: &'a ProtocolRun,
    project: &'a Project,
    rows: &'a [StepRow],
}

/// The folder of the run's files, without symbolic links.
struct Workspace {
    folder: PathBuf,
    outside_allowed: bool,
}

impl Search<'_> {
    /// The first of the run's folders that is there.
    fn workspace(&self) -> Result<Workspace, String> {
        let named = [&self.run.worktree_path, &self.project.local_path];
        let mut named = named.into_iter().flatten().peekable();
        if named.peek().is_none() {
            return Err("the project has no folder on this machine".to_owned());
        }
        let policy = self.project.policy_overrides.as_ref();
        let mut reason = String::new();
        for path in named {
            match fs::canonicalize(path) {
                Ok(folder) => {
                    return Ok(Workspace {
                        folder,
                        outside_allowed: ProjectDefaults::of_project(None, policy)
                            .allow_outside_paths,
                    });
                }
                Err(error) => reason = format!("{path} cannot be opened: {error}"),
            }
        }
        Err(reason)
    }

    /// The rows of a run whose spec was lost keep its entries.
    fn entries(&self) -> Vec<Found> {
        let is_whole = !self.rows.is_empty() && self.rows.iter().all(|row| row.entry.is_some());
        let found = is_whole.then(|| Found {
            place: "its step rows".to_owned(),
            outcome: self.of_rows(|_| true),
        });
        Vec::from_iter(found)
    }

    fn names(&self, workspace: Result<&Workspace, &String>) -> Vec<Found> {
        if self.rows.is_empty() {
            return Vec::new();
        }
        let root = self.run.root();
        let is_there = |name: &str| {
            workspace.is_ok_and(|workspace| {
                let candidates = [Path::new(&root).join(name), name.into()];
                let mut candidates = candidates.iter();
                candidates.any(|path| workspace.find(path).is_some_and(|path| path.is_file()))
            })
        };
        vec![Found {
            place: "its step rows".to_owned(),
            outcome: self.of_rows(is_there),
        }]
    }

    fn of_rows(&self, is_there: impl FnMut(&str) -> bool) -> Result<Derived, String> {
        let spec = spec_of_rows(self.rows, is_there).map_err(|misfit| misfit.to_string())?;
        Ok(Derived::from("rows", spec))
    }

    /// What belongs to the run alone.
    fn of_the_run(&self, workspace: Result<&Workspace, &String>) -> Vec<Found> {
        let mut found = Vec::from_iter(self.workspace_of_codemachine());
        let Ok(workspace) = workspace else {
            return found;
        };
        let root = self.run.root();
        found.extend(step_files(workspace, &root));
        let name = &self.run.protocol_name;
        let of_speckit = self.run.speckit_metadata.as_ref();
        let of_speckit = of_speckit.and_then(|about| about.get("tasks_path")?.as_str());
        let lists = [
            format!("{root}/tasks.md"),
            format!("specs/{name}/tasks.md"),
            format!(".specify/specs/{name}/tasks.md"),
        ];
        let lists = of_speckit.map(str::to_owned).into_iter().chain(lists);
        found.extend(lists.filter_map(|path| self.task_list(workspace, &path)));
        found
    }

    /// What may belong to any of the project's runs: its steps have to tell.
    fn of_the_project(&self, workspace: Result<&Workspace, &String>) -> Vec<Found> {
        let (Ok(workspace), false) = (workspace, self.rows.is_empty()) else {
            return Vec::new();
        };
        let is_workspace = [".codemachine/config", "config/main.agents.js"]
            .iter()
            .any(|name| workspace.folder.join(name).exists());
        let agents = is_workspace.then(|| imported(&workspace.folder, None));
        let list = self.task_list(workspace, "tasks.md");
        agents.into_iter().chain(list).collect()
    }

    /// The CodeMachine workspace that the run was made from.
    fn workspace_of_codemachine(&self) -> Option<Found> {
        let source = self.run.template_source.as_ref()?;
        if source.get("type")?.as_str()? != "codemachine" {
            return None;
        }
        let around = self.project.local_path.as_ref().map(Path::new);
        let folder = Path::new(source.get("path")?.as_str()?);
        let folder = around.map_or(folder.to_owned(), |around| around.join(folder));
        Some(imported(&folder, around))
    }

    fn task_list(&self, workspace: &Workspace, path: &str) -> Option<Found> {
        let file = workspace.find(Path::new(path))?;
        Some(Found {
            place: path.to_owned(),
            outcome: self.of_tasks(&file, path),
        })
    }

    /// Tasks that are done are steps where they have a row.
    fn of_tasks(&self, file: &Path, path: &str) -> Result<Derived, String> {
        let text = read_file(file, LONGEST).map_err(|error| error.to_string())?;
        let list = tasks::read(&String::from_utf8_lossy(&text));
        let names: BTreeSet<&str> = self.rows.iter().map(|row| &*row.step.step_name).collect();
        let has_row = |task: &Task| names.contains(&*task.id);
        let is_step = |task: &Task| task.status != TaskStatus::Completed || has_row(task);
        let spec = list.and_then(|list| list.spec_of(path, is_step));
        let spec = spec.map_err(|error| error.to_string())?;
        Ok(Derived::from("tasks", spec))
    }

    /// The spec, brought to the run's rows, where it is sound.
    fn accepted(&self, derived: Derived) -> Result<Derived, String> {
        let spec = if self.rows.is_empty() {
            derived.spec
        } else {
            fit(derived.spec, self.rows).map_err(|misfit| misfit.to_string())?
        };
        match validate_in(self.run, self.project, &spec, None, None) {
            Ok(_) => Ok(Derived { spec, ..derived }),
            Err(errors) => {
                let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
                Err(errors.join("; "))
            }
        }
    }
}

impl Derived {
    fn from(source: &'static str, spec: Value) -> Self {
        Self {
            spec,
            source,
            warnings: Vec::new(),
        }
    }
}

impl Workspace {
    /// Where a path leads that is there, in the workspace or where the project allows it.
    fn find(&self, path: &Path) -> Option<PathBuf> {
        let path = fs::canonicalize(self.folder.join(path)).ok()?;
        (self.outside_allowed || path.starts_with(&self.folder)).then_some(path)
    }
}

fn step_files(workspace: &Workspace, root: &str) -> Option<Found> {
    let folder = workspace.find(Path::new(root))?;
    let names = fs::read_dir(folder).ok()?;
    let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let names: Vec<String> = names.filter(|name| is_step_file(name)).collect();
    let spec = spec_of_files(names.iter().map(String::as_str)).ok()?;
    Some(Found {
        place: root.to_owned(),
        outcome: Ok(Derived::from("files", spec)),
    })
}

fn imported(folder: &Path, around: Option<&Path>) -> Found {
    let outcome = codemachine::import(folder, around, None);
    Found {
        place: folder.display().to_string(),
        outcome: outcome
            .map_err(|error| error.to_string())
            .map(|made| Derived {
                spec: made.spec,
                source: "codemachine",
                warnings: made.warnings,
            }),
    }
}
