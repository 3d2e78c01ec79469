//! `generate_tasks`: writes the task list of a plan, beside it.
//!
//! Always so: a list whose tasks cannot be ordered is not written, and one that someone has changed is not written over.

use millwright_core::catalog::scripts::generate_tasks::{Args, Output, Task};
use millwright_core::catalog::{Object, Script};
use millwright_core::protocol::import::tasks::{self, TaskList};
use serde_json::Value;

use super::StepError;
use super::documents::{Site, write};
use super::registration::{Belongs, with_own_run};
use crate::host::NativeHost;
use crate::planning::inside;

/// Has the task list written.
///
/// # Errors
/// When the project or the plan is not there, and when the engine fails.
pub(super) async fn run(args: Args, host: &NativeHost) -> Result<Output, StepError> {
    let site = Site::find(host, args.project_path.as_deref(), args.project_id).await?;
    let plan = inside(&site.root, &args.plan_path)
        .map_err(|error| StepError::bad_argument("plan_path", error))?;
    let belongs = Belongs::project(args.project_id);
    with_own_run(host, Args::NAME, belongs, async |run| {
        let (written, list) = write(host, run, &site, |writer| writer.tasks(&plan))?;
        Ok(Output {
            tasks_path: written.path.display().to_string(),
            task_count: count(&list),
            dag: dag(&list),
            tasks: list.tasks.into_iter().map(task).collect(),
        })
    })
    .await
}

/// How many tasks a list has.
pub(super) fn count(list: &TaskList) -> i64 {
    i64::try_from(list.tasks.len()).unwrap_or(i64::MAX)
}

/// A list's nodes, edges and levels.
pub(super) fn dag(list: &TaskList) -> Object {
    match list.dag() {
        Value::Object(dag) => dag,
        _ => Object::new(),
    }
}

fn task(task: tasks::Task) -> Task {
    Task {
        id: task.id,
        description: task.description,
        status: task.status.as_str().to_owned(),
        depends_on: task.depends_on,
        parallel: task.parallel,
        phase: task.phase,
    }
}
