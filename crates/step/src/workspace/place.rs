//! What a protocol's branch and worktrees follow from.
//!
//! Always so: a server and a worker on one machine come to the same branch and folders.

use std::path::{Path, PathBuf};

use millwright_core::protocol::{Assignment, Project, ProtocolRun};
use serde_json::Value;

use super::Origin;

/// A protocol, as git sees it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The project's folder.
    pub(crate) folder: Option<PathBuf>,
    /// The protocol run.
    pub(crate) protocol_run_id: i64,
    /// Its name.
    pub(crate) protocol_name: String,
    /// Its folder of plans and outputs, below the project's; `.protocols/<name>` when null.
    pub(crate) protocol_root: Option<String>,
    /// The branch that it begins from.
    pub(crate) base_branch: String,
    /// Its own branch, where someone chose one.
    pub(crate) branch: Option<String>,
    /// What is known of it beyond this machine.
    pub(crate) origin: Option<Origin>,
    /// Whether the folder is a clone of ours.
    pub(crate) is_clone: bool,
}

impl Place {
    /// The place of a step's work.
    pub(crate) fn of(assignment: &Assignment) -> Self {
        Self {
            folder: assignment.workspace.as_ref().map(PathBuf::from),
            protocol_run_id: assignment.protocol_run_id,
            protocol_name: assignment.protocol_name.clone(),
            protocol_root: assignment.protocol_root.clone(),
            base_branch: assignment.base_branch.clone(),
            branch: assignment.branch.clone(),
            origin: Origin::of(assignment),
            is_clone: false,
        }
    }

    /// The place of a protocol run, as the API shows it: in the worktree that someone chose for it, else in the project's
    /// checkout, beside which others are made.
    pub(crate) fn of_run(run: &ProtocolRun, project: &Project) -> Self {
        let config = run.template_config.as_ref();
        let branch = config.and_then(|config| config.get("branch")?.as_str());
        let folder = run.chosen_worktree().or(project.local_path.as_ref());
        Self {
            folder: folder.map(PathBuf::from),
            protocol_run_id: run.id,
            protocol_name: run.protocol_name.clone(),
            protocol_root: run.protocol_root.clone(),
            base_branch: run.base_branch.clone(),
            branch: branch.map(str::to_owned),
            origin: Origin::of_run(run, project),
            is_clone: false,
        }
    }

    /// The place of a protocol run to come, which has no branch yet.
    pub(crate) fn of_project(project: &Project) -> Self {
        Self {
            folder: project.local_path.as_ref().map(PathBuf::from),
            protocol_run_id: 0,
            protocol_name: String::new(),
            protocol_root: None,
            base_branch: project.base_branch.clone(),
            branch: None,
            origin: Origin::of_project(project),
            is_clone: false,
        }
    }

    /// The protocol's folder, below the project's.
    pub(crate) fn protocol_folder(&self) -> PathBuf {
        let given = self.protocol_root.as_deref().map(Path::new);
        let below = |path: &Path| match &self.folder {
            Some(folder) => path.strip_prefix(folder).unwrap_or(path).to_owned(),
            None => path.to_owned(),
        };
        let standard = || Path::new(".protocols").join(&self.protocol_name);
        given.map_or_else(standard, below)
    }
}

/// Makes a worktree the workspace. Paths that the spec gives below the project's folder mean the worktree's.
pub(super) fn point_to(assignment: &mut Assignment, folder: &Path) {
    let Some(from) = assignment.workspace.replace(folder.display().to_string()) else {
        return;
    };
    let moved = |text: &mut String| {
        if let Ok(rest) = Path::new(text.as_str()).strip_prefix(&from) {
            *text = folder.join(rest).display().to_string();
        }
    };
    if let Some(root) = &mut assignment.protocol_root {
        moved(root);
    }
    let Some(spec) = &mut assignment.step_spec else {
        return;
    };
    for pointer in ["/prompt_ref", "/qa/prompt", "/outputs/protocol"] {
        if let Some(Value::String(text)) = spec.pointer_mut(pointer) {
            moved(text);
        }
    }
    let aux = spec
        .pointer_mut("/outputs/aux")
        .and_then(Value::as_object_mut);
    for path in aux.into_iter().flat_map(|aux| aux.values_mut()) {
        if let Value::String(text) = path {
            moved(text);
        }
    }
}
