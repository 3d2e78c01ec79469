//! `run_quality`: one verdict for a whole protocol.
//!
//! Always so: `blocking_failures` is there, even when it is empty.

use super::run_qa::Verdict;
use crate::catalog::{Object, Reach, Script};
use crate::protocol::{Finding, GateStatus};

arguments! {
    /// What to judge.
    required {
        /// The protocol run.
        protocol_run_id: i64,
    }
    optional {
        /// A single step run of it. By default all are judged together.
        step_run_id: Option<i64>,
        /// What the executions yielded. It is not read: the verdict rests on what the steps' checks found.
        #[serde(default)]
        step_output: Object,
        /// A file of rules. It is not read: rules are what the steps' checks are told.
        constitution_path: Option<String>,
    }
}

record! {
    /// The verdict.
    pub struct Output {
        /// Whether the protocol may go on.
        pub passed: bool,
        /// What the check came to.
        pub verdict: Verdict,
        /// What each gate found.
        pub gate_results: Vec<QualityGate>,
        /// The score, 0 to 1: the mean of 1 for passed, 0.5 for a warning and 0 for failed.
        pub score: f64,
        /// The gates that block, by id; empty when none does.
        pub blocking_failures: Vec<String>,
        /// The report, as Markdown.
        pub report: String,
        /// The protocol run.
        pub protocol_run_id: i64,
        /// The step run that failed, where one did.
        pub failed_step_run_id: Option<i64>,
        /// How long it took.
        pub duration_seconds: f64,
    }
}

record! {
    /// What one gate found.
    pub struct QualityGate {
        /// The gate's id.
        pub gate_id: String,
        /// Its name for people.
        pub name: String,
        /// What it came to.
        pub status: GateStatus,
        /// Whether its failure blocks.
        pub blocking: bool,
        /// What it found.
        #[serde(default)]
        pub findings: Vec<Finding>,
    }
}

impl Script for Args {
    type Output = Output;
    const NAME: &'static str = "run_quality";
    const SUMMARY: &'static str = "Judges a whole protocol";
    const DESCRIPTION: &'static str = "Comes to one verdict from the checks of a protocol's steps and, \
        where the project's `policy_overrides.quality_gates` name some, from gates that it runs over the \
        protocol's branch. A verdict of `fail` is a result; the job fails only when the check cannot be \
        made.";
    const IDEMPOTENT: bool = true;
    const TIMEOUT_SECONDS: i64 = 3_600;
    const REACH: Reach = Reach::Processes;
}
