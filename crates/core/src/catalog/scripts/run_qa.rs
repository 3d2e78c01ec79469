//! `run_qa`: checks an executed step on the worker itself.
//!
//! Always so: a verdict of `fail` is a result; only a check that could not be made fails the job.

use crate::catalog::{Object, Reach, Script};
use crate::protocol::StepStatus;

arguments! {
    /// What step to check: `step_run_id`, or `protocol_run_id` with `step_id`.
    required {}
    optional {
        /// The step run.
        step_run_id: Option<i64>,
        /// The protocol run, for `step_id`.
        protocol_run_id: Option<i64>,
        /// The step's id in its protocol, such as `T001`.
        step_id: Option<String>,
        /// What the execution yielded. The check reads the step's outputs themselves.
        #[serde(default)]
        step_output: Object,
        /// Rules to check against, beside the project's own.
        #[serde(default)]
        constitution: Object,
        /// The claim on the step. Without one the step is claimed first.
        claim: Option<String>,
    }
}

words! {
    /// What a check came to.
    pub enum Verdict {
        /// Nothing to object to.
        Pass,
        /// It may go on, with remarks.
        Warn,
        /// It may not go on.
        Fail,
    }
}

record! {
    /// The verdict.
    pub struct Output {
        /// Whether the step may go on.
        pub passed: bool,
        /// What the check came to.
        pub verdict: Verdict,
        /// What each gate found.
        pub gate_results: Vec<GateResult>,
        /// The verdict in a sentence.
        pub summary: String,
        /// How long it took.
        pub duration_seconds: f64,
        /// The step run.
        pub step_run_id: i64,
        /// How the step stands now.
        pub step_status: StepStatus,
    }
}

record! {
    /// What one gate found.
    pub struct GateResult {
        /// The gate's id, such as `test`.
        pub gate_id: String,
        /// Its name for people.
        pub name: String,
        /// Whether it lets the step go on.
        pub passed: bool,
        /// What it found, in a sentence.
        pub message: String,
        /// How bad that is: `error` or `warning`.
        pub severity: String,
    }
}

impl Script for Args {
    type Output = Output;
    const NAME: &'static str = "run_qa";
    const SUMMARY: &'static str = "Checks an executed step on this worker";
    const DESCRIPTION: &'static str = "Runs the gates and the QA engine on an executed step on this \
        worker and reports the verdict to the API. Fails only when the check itself cannot be made.";
    const IDEMPOTENT: bool = false;
    const TIMEOUT_SECONDS: i64 = 3_600;
    const REACH: Reach = Reach::Processes;
    const RUNS_ENGINES: bool = true;
}
