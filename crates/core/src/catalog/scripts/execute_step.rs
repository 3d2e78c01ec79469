//! `execute_step`: executes a step on the worker itself.
//!
//! Always so: it follows the same path as the API's execution, and the API decides what follows from its outcome.

use crate::catalog::{Object, Reach, Script};
use crate::protocol::StepStatus;

arguments! {
    /// What step to execute: `step_run_id`, or `protocol_run_id` with `step_id`.
    required {}
    optional {
        /// The step run.
        step_run_id: Option<i64>,
        /// The protocol run, for `step_id`.
        protocol_run_id: Option<i64>,
        /// The step's id in its protocol, such as `T001`.
        step_id: Option<String>,
        /// The agent to which the step is assigned when the spec names none.
        #[serde(default = "agent_id")]
        agent_id: String,
        /// What the engine is told beside the prompt.
        #[serde(default)]
        context: Object,
        /// The claim on the step. Without one the step is claimed first.
        claim: Option<String>,
    }
}

words! {
    /// How an execution ended.
    pub enum Status {
        /// Well.
        Success,
        /// Badly.
        Failed,
    }
}

record! {
    /// The execution.
    pub struct Output {
        /// How it ended. A failed execution fails the job, so a result says `success`.
        pub status: Status,
        /// The engine that executed it.
        pub executed_by: String,
        /// What the engine printed.
        pub output: String,
        /// What went wrong.
        pub error: Option<String>,
        /// How long it took.
        pub duration_seconds: f64,
        /// The files that were written.
        pub artifacts: Vec<String>,
        /// The step run.
        pub step_run_id: i64,
        /// How the step stands now, such as `needs_qa`.
        pub step_status: StepStatus,
        /// The claim: pass it to QA.
        pub claim: Option<String>,
    }
}

impl Script for Args {
    type Output = Output;
    const NAME: &'static str = "execute_step";
    const SUMMARY: &'static str = "Executes a step on this worker";
    const DESCRIPTION: &'static str = "Claims a step, runs its engine on this worker, writes its \
        outputs and reports the outcome to the API. Fails when the execution fails.";
    const IDEMPOTENT: bool = false;
    const TIMEOUT_SECONDS: i64 = 7_200;
    const REACH: Reach = Reach::Processes;
    const RUNS_ENGINES: bool = true;
}

fn agent_id() -> String {
    "codex".to_owned()
}
