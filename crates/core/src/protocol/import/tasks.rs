//! Task lists: from `tasks.md` to tasks, their levels, and a spec.
//!
//! Always so: a list whose tasks cannot all be done, since one needs itself or one that is not there, gives no spec, nor does
//! one that is larger than a plan.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::task_line::{self, Line};
use crate::protocol::validate::{MOST_STEPS, cycle};
use crate::protocol::words::words;

/// Tasks that need each other more often than this are no plan.
pub(super) const MOST_NEEDS: usize = 50_000;

words! {
    /// How a task stands in its list.
    TaskStatus is a "status of a task" {
        /// `[ ]`: it is to be done.
        Pending = "pending",
        /// `[/]`: someone has begun it.
        InProgress = "in_progress",
        /// `[x]`: it is done.
        Completed = "completed",
    }
}

/// So many lines that are no task are named.
const MOST_WARNINGS: usize = 20;

/// What a step is told beside its task, since its prompt is the whole list.
const SCOPE: &str = "Do this task alone: the other tasks of the list are other steps.";

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Task {
    /// `T` and a number.
    pub id: String,
    /// What is to be done.
    pub description: String,
    /// How it stands.
    pub status: TaskStatus,
    /// The tasks that have to be done before it.
    pub depends_on: Vec<String>,
    /// Whether its author says that it may be done beside others.
    pub parallel: bool,
    /// The heading that it stands under.
    pub phase: Option<String>,
}

/// A list of tasks that can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskList {
    /// The tasks, as they stand in the file.
    pub tasks: Vec<Task>,
    /// Their ids: each level needs the ones before it alone. Within one, as they stand in the file.
    pub levels: Vec<Vec<String>>,
}

/// Why a task list gives no spec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskListError {
    /// There is no task that is not done.
    #[error(
        "there is no task to be done: a task is a line such as `- [ ] T001: build it [DEPENDS: T000]`"
    )]
    Nothing,
    /// A task's id is that of another.
    #[error("line {line}: there is a task {id} already, in line {first}")]
    Repeated {
        /// Where.
        line: usize,
        /// Whose id it is.
        id: String,
        /// Where the other is.
        first: usize,
    },
    /// A task needs one that there is not.
    #[error("line {line}: {id} depends on {needs}, which is not in the list")]
    Unknown {
        /// Where.
        line: usize,
        /// The task.
        id: String,
        /// What it needs.
        needs: String,
    },
    /// There are more tasks than a plan has steps.
    #[error("there are {0} tasks: at most {MOST_STEPS} are a plan")]
    TooMany(usize),
    /// The tasks need each other too often, as where a large group with `[P]` follows another.
    #[error(
        "line {line}: with {id} the tasks need each other more than {MOST_NEEDS} times: make the groups with [P] smaller, \
         or say what each task needs, as in `- [ ] T002: build it [DEPENDS: T001]`"
    )]
    TooManyNeeds {
        /// Where it became too much.
        line: usize,
        /// With which task.
        id: String,
    },
    /// Tasks need each other.
    #[error("tasks depend on each other in a circle: {}", cycle::in_words(.0))]
    Cycle(Vec<String>),
}

/// Reads a list, in both styles: `T001: text [DEPENDS: T000] [PARALLEL]`, where each task says what it needs, and
/// spec-kit's `T001 [P] text`, where a task needs what stands before it, and neighbours with `[P]` do not need each other.
///
/// # Errors
/// [`TaskListError`], but for [`TaskListError::Nothing`].
pub fn read(text: &str) -> Result<TaskList, TaskListError> {
    let mut lines: Vec<Line> = task_line::all(text);
    if lines.len() > MOST_STEPS {
        return Err(TaskListError::TooMany(lines.len()));
    }
    refuse_repeated(&lines)?;
    task_line::need_what_stands_before(&mut lines)?;
    refuse_unknown(&lines)?;
    let tasks: Vec<Task> = lines.into_iter().map(|line| line.task).collect();
    let needs = tasks
        .iter()
        .map(|task| (task.id.as_str(), task.depends_on.iter().map(String::as_str)));
    if let Some(cycle) = cycle::find(needs) {
        let cycle = cycle.into_iter().map(str::to_owned);
        return Err(TaskListError::Cycle(cycle.collect()));
    }
    Ok(TaskList {
        levels: levels(&tasks),
        tasks,
    })
}

/// What a reader of a list should know: which lines look like tasks and are none.
pub fn warnings(text: &str) -> Vec<String> {
    let shown = |(number, line): (usize, &str)| {
        let short: String = line.chars().take(60).collect();
        format!("line {number} is no task and gives no step: {short}: write `- [ ] T001: …`")
    };
    let mut told: Vec<String> = task_line::passed_over(text)
        .take(MOST_WARNINGS)
        .map(shown)
        .collect();
    let more = task_line::passed_over(text).count() - told.len();
    if more > 0 {
        told.push(format!("and {more} more such lines"));
    }
    told
}

fn refuse_repeated(lines: &[Line]) -> Result<(), TaskListError> {
    let mut seen = BTreeMap::new();
    for Line { number, task, .. } in lines {
        if let Some(first) = seen.insert(&task.id, *number) {
            return Err(TaskListError::Repeated {
                line: *number,
                id: task.id.clone(),
                first,
            });
        }
    }
    Ok(())
}

fn refuse_unknown(lines: &[Line]) -> Result<(), TaskListError> {
    let known: std::collections::BTreeSet<&str> =
        lines.iter().map(|line| line.task.id.as_str()).collect();
    for Line { number, task, .. } in lines {
        if let Some(needs) = task
            .depends_on
            .iter()
            .find(|id| !known.contains(id.as_str()))
        {
            return Err(TaskListError::Unknown {
                line: *number,
                id: task.id.clone(),
                needs: needs.clone(),
            });
        }
    }
    Ok(())
}

/// Level by level, what needs nothing that is left. Every task gets a level, since no circle is there.
fn levels(tasks: &[Task]) -> Vec<Vec<String>> {
    let place: BTreeMap<&str, usize> = (0..)
        .zip(tasks)
        .map(|(n, task)| (task.id.as_str(), n))
        .collect();
    let mut open: Vec<usize> = tasks.iter().map(|task| task.depends_on.len()).collect();
    let mut needed_by = vec![Vec::new(); tasks.len()];
    for (n, task) in tasks.iter().enumerate() {
        for need in task
            .depends_on
            .iter()
            .filter_map(|id| place.get(id.as_str()))
        {
            needed_by[*need].push(n);
        }
    }
    let mut level: Vec<usize> = (0..tasks.len()).filter(|n| open[*n] == 0).collect();
    let mut levels = Vec::new();
    while !level.is_empty() {
        levels.push(level.iter().map(|n| tasks[*n].id.clone()).collect());
        let mut next = Vec::new();
        for n in level.iter().flat_map(|done| &needed_by[*done]) {
            open[*n] -= 1;
            if open[*n] == 0 {
                next.push(*n);
            }
        }
        next.sort_unstable();
        level = next;
    }
    levels
}

impl TaskList {
    /// Nodes, edges and levels, as `dag.json` holds them.
    pub fn dag(&self) -> Value {
        let node = |task: &Task| {
            let mut node = json!(task);
            if let Some(node) = node.as_object_mut() {
                node.shift_remove("depends_on");
            }
            (task.id.clone(), node)
        };
        let nodes: Map<String, Value> = self.tasks.iter().map(node).collect();
        let edges = self.tasks.iter().flat_map(|task| {
            let needs = task.depends_on.iter();
            needs.map(|need| json!([need, task.id]))
        });
        json!({"nodes": nodes, "edges": edges.collect::<Vec<_>>(), "levels": self.levels})
    }

    /// The spec of the tasks that are not done. `prompt` is what every step's engine reads, with its task as input.
    ///
    /// # Errors
    /// [`TaskListError::Nothing`].
    pub fn spec(&self, prompt: &str) -> Result<Value, TaskListError> {
        self.spec_of(prompt, |task| task.status != TaskStatus::Completed)
    }

    /// The same of the tasks that are wanted, done or not.
    ///
    /// # Errors
    /// [`TaskListError::Nothing`].
    pub fn spec_of(
        &self,
        prompt: &str,
        is_wanted: impl Fn(&Task) -> bool,
    ) -> Result<Value, TaskListError> {
        let open: BTreeMap<&str, &Task> = self
            .tasks
            .iter()
            .filter(|task| is_wanted(task))
            .map(|task| (task.id.as_str(), task))
            .collect();
        if open.is_empty() {
            return Err(TaskListError::Nothing);
        }
        let step = |(level, id): (usize, &String)| {
            let task = open.get(id.as_str())?;
            let needs = task.depends_on.iter();
            let needs: Vec<&String> = needs.filter(|id| open.contains_key(id.as_str())).collect();
            Some(json!({
                "id": id, "name": id, "description": task.description, "engine_id": null,
                "prompt_ref": prompt, "qa": {"policy": "full"}, "step_type": "work", "depends_on": needs,
                "inputs": {"task": id, "description": task.description, "scope": SCOPE},
                "metadata": {"phase": task.phase, "level": level, "parallel": task.parallel},
            }))
        };
        let placed = (0..).zip(&self.levels);
        let placed = placed.flat_map(|(level, ids)| ids.iter().map(move |id| (level, id)));
        let steps: Vec<Value> = placed.filter_map(step).collect();
        Ok(json!({"steps": steps, "metadata": {"source": "tasks"}}))
    }
}

#[cfg(test)]
mod tests;
