//! `plan_protocol`: makes a protocol run out of a feature request.
//!
//! Always so: every task of the plan has a step run.

use indexmap::IndexMap;

use crate::catalog::{Object, Reach, Script};

arguments! {
    /// What to plan.
    required {
        /// The project.
        project_id: i64,
        /// What is wanted, in words.
        feature_request: String,
    }
    optional {
        /// The protocol's name. By default made from the request.
        protocol_name: Option<String>,
        /// The branch. By default `feature-` and the request's first words.
        branch_name: Option<String>,
        /// The agent to which the steps are assigned.
        #[serde(default = "agent_id")]
        agent_id: String,
    }
}

record! {
    /// The planned protocol.
    pub struct Output {
        /// The protocol run.
        pub protocol_run_id: i64,
        /// The protocol's name.
        pub protocol_name: String,
        /// The branch.
        pub branch_name: String,
        /// The specification, a path.
        pub spec_path: String,
        /// The plan, a path.
        pub plan_path: String,
        /// The task list, a path.
        pub tasks_path: String,
        /// How many tasks there are.
        pub task_count: i64,
        /// The tasks' dependencies: nodes, edges and levels; those of the first tasks where there are many.
        pub dag: Object,
        /// The file with the dependencies of all.
        pub dag_path: String,
        /// The step run of each task in `dag`.
        pub steps: IndexMap<String, i64>,
        /// Whether `dag` and `steps` are not all of them.
        pub truncated: bool,
        /// The flow that was made for it.
        pub windmill_flow_id: Option<String>,
        /// How long it took.
        pub duration_seconds: f64,
    }
}

impl Script for Args {
    type Output = Output;
    const NAME: &'static str = "plan_protocol";
    const SUMMARY: &'static str = "Plans a protocol for a feature request";
    const DESCRIPTION: &'static str = "Writes specification, plan and task list for a feature \
        request, and makes a protocol run with a step run for every task. Fails when the project is \
        unknown or the plan is no plan.";
    const IDEMPOTENT: bool = false;
    const TIMEOUT_SECONDS: i64 = 3_600;
    const REACH: Reach = Reach::Processes;
    const RUNS_ENGINES: bool = true;
}

fn agent_id() -> String {
    "codex".to_owned()
}
