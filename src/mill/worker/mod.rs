//! The worker: runs one script as a Windmill worker would.
//!
//! Always so: when a script's run is over, no process of its group is left and its folder is gone.

mod environment;
mod folder;
mod launch;
mod log;
mod outcome;
mod process;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

pub(super) use environment::Place;
pub(super) use log::LogSink;
pub(super) use outcome::{Outcome, failed};
pub(super) use process::kill_left_behind;

use super::language::Script;
use super::project::Project;
use super::stop::Stop;
use crate::store::StoreError;
use folder::Folder;
use launch::Launch;
use log::Log;
use process::Process;

/// A script to be run.
pub(super) struct Task<'a> {
    /// The script.
    pub(super) script: &'a Script,
    /// Its arguments by name.
    pub(super) args: &'a Map<String, Value>,
    /// What the project says of interpreters, variables and resources.
    pub(super) project: &'a Project,
    /// Where it stands among the jobs.
    pub(super) place: &'a Place,
    /// Variables beside the `WM_*` ones.
    pub(super) environment: &'a [(String, String)],
    /// The folder below which the job has its own.
    pub(super) folder: &'a std::path::Path,
    /// A folder that the steps of a flow share, as `./shared`.
    pub(super) shared: Option<&'a std::path::Path>,
    /// Tells when the script is to end before its time.
    pub(super) stop: &'a Stop,
    /// How long its processes have between being asked to end and being killed.
    pub(super) grace: Duration,
}

/// Runs a script to its end. Its output goes to the sink as it comes.
///
/// # Errors
/// What the sink says; the script's processes are ended then too.
pub(super) async fn run(task: &Task<'_>, sink: Arc<dyn LogSink>) -> Result<Outcome, StoreError> {
    let step_id = task.place.step_id.as_deref();
    let mut log = Log::new(
        sink,
        task.place.preamble(task.script),
        &task.project.secrets,
    );
    let args = task.project.resources.resolved(task.args);
    let launch = match args.and_then(|args| Launch::of(task.script, &args)) {
        Ok(launch) => launch,
        Err(reason) => {
            let message = format!("Not found: {reason}");
            return Ok(Outcome::failed(&message, step_id, log.finish()));
        }
    };
    let folder = match Folder::make(task, &launch) {
        Ok(folder) => folder,
        Err(error) => {
            let message = outcome::folder_message(&error, task.folder);
            return Ok(Outcome::failed(&message, step_id, log.finish()));
        }
    };
    let variables = task.place.variables(task.environment);
    let process = match Process::start(&folder, &launch, &variables) {
        Ok(process) => process,
        Err(error) => {
            let message = outcome::start_message(&error, task.script, &launch);
            return Ok(Outcome::failed(&message, step_id, log.finish()));
        }
    };
    let ended = process
        .follow(&mut log, task.stop, task.grace, &task.place.job())
        .await?;
    Ok(outcome::of(&ended, &folder, task, log))
}
