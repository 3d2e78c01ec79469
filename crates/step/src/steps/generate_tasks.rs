//! `generate_tasks`: writes the task list of a plan, beside it.
//!
//! Always so: a list whose tasks cannot be ordered is not written, and one that someone has changed is not written over.

use std::collections::BTreeSet;
use std::path::Path;

use millwright_core::catalog::scripts::generate_tasks::{Args, Output, Task};
use millwright_core::catalog::{Object, Script};
use millwright_core::protocol::import::tasks::{self, TaskList};
use serde_json::Value;

use super::StepError;
use super::documents::{Site, write};
use super::registration::{Belongs, with_own_run};
use crate::host::NativeHost;
use crate::planning::inside;

/// So many bytes of a result tell of tasks, about.
const MOST_BYTES: usize = 256 * 1024;

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
        let task_count = count(&list);
        let (list, truncated) = told(list);
        Ok(Output {
            tasks_path: written.path.display().to_string(),
            dag_path: dag_path(&written.path),
            task_count,
            truncated,
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

/// The first tasks of a list, as many as a result has room for, and whether there are more.
pub(super) fn told(mut list: TaskList) -> (TaskList, bool) {
    let mut room = MOST_BYTES;
    let fit = list.tasks.iter().take_while(|task| {
        let size = size(task);
        let fits = size <= room;
        room = room.saturating_sub(size);
        fits
    });
    let fit = fit.count();
    let truncated = fit < list.tasks.len();
    list.tasks.truncate(fit);
    let ids: BTreeSet<&String> = list.tasks.iter().map(|task| &task.id).collect();
    for level in &mut list.levels {
        level.retain(|id| ids.contains(id));
    }
    list.levels.retain(|level| !level.is_empty());
    (list, truncated)
}

/// How much of a result a task takes, about, in the list and in the graph.
fn size(task: &tasks::Task) -> usize {
    let words = task.description.len() + task.phase.as_ref().map_or(0, String::len);
    let edges = task.depends_on.iter();
    let edges = edges.map(|id| 2 * id.len() + task.id.len() + 10);
    400 + 2 * words + edges.sum::<usize>()
}

/// Where the dependencies of the tasks in a file are.
pub(super) fn dag_path(tasks: &Path) -> String {
    let path = tasks.with_file_name("_runtime").join("dag.json");
    path.display().to_string()
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
