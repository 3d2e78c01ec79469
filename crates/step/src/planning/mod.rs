//! Planning: an engine writes plan, context, log and the files of the steps.
//!
//! Always so: whatever the engine promises, its answer is validated here; a plan is written whole and committed, or not at all.

mod answer;
mod ask;
mod decompose;
mod documents;
mod error;
mod grounding;
mod prompt;
mod replaced;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use millwright_core::protocol::import::files::{is_step_file, spec_of_files};
use millwright_core::protocol::{DecompositionReport, ProjectDefaults};
use serde_json::Value;

use answer::Job;
pub use ask::Asked;
pub(crate) use documents::{
    Discovered, Feature, STAGES, TEMPLATE, TEMPLATES, Writer, inside, slug,
};
pub use error::PlanningError;

use crate::engine::{Cancel, LineSink, Registry};
use crate::runner::Settings;
use crate::workspace::{self, Origin, Place, WorkspaceError};

/// What is to be planned, and for whom.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The project's folder on this machine.
    pub project_folder: Option<String>,
    /// The protocol run.
    pub protocol_run_id: i64,
    /// Its name.
    pub protocol_name: String,
    /// Its folder; `.protocols/<name>` when null.
    pub protocol_root: Option<String>,
    /// The branch that it begins from.
    pub base_branch: String,
    /// Its own branch, where someone chose one.
    pub branch: Option<String>,
    /// What is known of it beyond this machine.
    pub origin: Option<Origin>,
    /// What is wanted, in words.
    pub request: Option<String>,
    /// Whether another plan is wanted, also where there is one.
    pub anew: bool,
    /// What the project says about engines.
    pub defaults: ProjectDefaults,
}

/// Plans protocols.
pub struct Planner<'a> {
    /// The engines that there are.
    pub engines: &'a Registry,
    /// What the environment says.
    pub settings: &'a Settings,
    /// Takes the engine's output as it comes.
    pub log: &'a (dyn LineSink + Sync),
    /// Stops the work.
    pub cancel: &'a Cancel,
}

/// A plan that is written and committed.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The spec.
    pub spec: Value,
    /// The protocol's folder.
    pub protocol_root: PathBuf,
    /// The protocol's folder as people find it, where it was made for the plan.
    pub made: Option<PathBuf>,
    /// What was asked of an engine; nothing where the files of the steps were there.
    pub asked: Option<Asked>,
    /// Whether the branch is in the project's repository, for other machines to work on.
    pub is_shared: bool,
}

impl Planner<'_> {
    /// Plans a protocol. Where the files of its steps are there already, they are the plan, and no engine runs, unless another
    /// plan is wanted: then they are put away. `tell` is told when the steps that an engine has planned are decomposed.
    ///
    /// # Errors
    /// [`PlanningError`]: nothing was written.
    pub fn plan(
        &self,
        request: &Request,
        tell: &dyn Fn(DecompositionReport),
    ) -> Result<Planned, PlanningError> {
        let options = &self.settings.workspace;
        let place = request.place().here(options, &|text| self.log.line(text))?;
        let workspace = workspace::open(&place, &request.work(), options)?;
        let folder = workspace.folder().ok_or(PlanningError::NoWorkspace)?;
        let root = folder.join(place.protocol_folder());
        let made = (!root.exists()).then(|| workspace.published_path(&root));
        let mut files = step_files(&root)?;
        let mut asked = None;
        if files.is_empty() || request.anew {
            asked = Some(self.ask_engine(request, folder, &root, tell)?);
            files = step_files(&root)?;
        }
        let names = files.iter().map(String::as_str);
        let spec = spec_of_files(names).map_err(|_| PlanningError::NothingAsked)?;
        workspace.settle(&request.work())?;
        Ok(Planned {
            spec,
            protocol_root: root,
            made,
            asked,
            is_shared: workspace.is_shared(),
        })
    }

    fn ask_engine(
        &self,
        request: &Request,
        folder: &Path,
        root: &Path,
        tell: &dyn Fn(DecompositionReport),
    ) -> Result<Asked, PlanningError> {
        let wanted = request
            .request
            .as_deref()
            .filter(|text| !text.trim().is_empty());
        let wanted = wanted.ok_or(PlanningError::NothingAsked)?;
        let job = Job {
            request,
            wanted,
            folder,
            root,
        };
        let (mut answer, asked) = self.answer(&job)?;
        let asked = asked.and(self.decompose(&job, &mut answer, tell)?);
        replaced::put_away(root, step_files(root)?)?;
        answer::write(&answer, root)?;
        Ok(asked)
    }
}

impl Request {
    fn place(&self) -> Place {
        Place {
            folder: self.project_folder.as_ref().map(PathBuf::from),
            protocol_run_id: self.protocol_run_id,
            protocol_name: self.protocol_name.clone(),
            protocol_root: self.protocol_root.clone(),
            base_branch: self.base_branch.clone(),
            branch: self.branch.clone(),
            origin: self.origin.clone(),
            is_clone: false,
        }
    }

    fn work(&self) -> String {
        format!("Plan of {}", self.protocol_name)
    }
}

/// The files of the steps in a protocol's folder, by name.
fn step_files(root: &Path) -> Result<Vec<String>, PlanningError> {
    if !root.is_dir() {
        return Ok(Vec::new());
    }
    let failed = |reason| WorkspaceError::file(root, reason);
    let mut names = Vec::new();
    for entry in fs::read_dir(root).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_step_file(&name) && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}
