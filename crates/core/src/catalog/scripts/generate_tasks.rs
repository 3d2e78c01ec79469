//! `generate_tasks`: writes the task list for a plan.
//!
//! Always so: a list with a cycle, an unknown or a doubled id is an error that names it.

use crate::catalog::{Object, Reach, Script};

arguments! {
    /// What to break down.
    required {
        /// The plan: absolute, or below the project's folder.
        plan_path: String,
    }
    optional {
        /// The project's folder. By default that of the project with this id.
        project_path: Option<String>,
        /// The project, whose engine and models are used.
        project_id: Option<i64>,
    }
}

record! {
    /// The task list.
    pub struct Output {
        /// Where it was written.
        pub tasks_path: String,
        /// The tasks in the file's order, the first where there are many.
        pub tasks: Vec<Task>,
        /// Their dependencies: nodes, edges and levels.
        pub dag: Object,
        /// The file with the dependencies of all.
        pub dag_path: String,
        /// How many there are.
        pub task_count: i64,
        /// Whether `tasks` and `dag` are not all of them.
        pub truncated: bool,
    }
}

record! {
    /// One task.
    pub struct Task {
        /// Its id, such as `T001`.
        pub id: String,
        /// What is to be done.
        pub description: String,
        /// `pending`, `completed` or `in_progress`.
        pub status: String,
        /// The tasks that come before it.
        pub depends_on: Vec<String>,
        /// Whether the list marks it as parallel.
        pub parallel: bool,
        /// The phase under which it stands.
        pub phase: Option<String>,
    }
}

impl Script for Args {
    type Output = Output;
    const NAME: &'static str = "generate_tasks";
    const SUMMARY: &'static str = "Writes the task list for a plan";
    const DESCRIPTION: &'static str = "Has an engine write `tasks.md` and the tasks' dependencies \
        beside a plan, or fills in the template where none is configured. Fails when the plan is missing, the engine \
        fails, the tasks cannot be ordered, or someone has changed the list that is there.";
    const IDEMPOTENT: bool = false;
    const TIMEOUT_SECONDS: i64 = 3_600;
    const REACH: Reach = Reach::Processes;
    const RUNS_ENGINES: bool = true;
}
