//! `step_execute_api`: has the API execute a step, and waits for it.
//!
//! Always so: with a claim it starts at most one execution, however often it is called.

use crate::catalog::{Reach, Script};
use crate::protocol::StepRun;

arguments! {
    /// What step to execute.
    required {
        /// The step run.
        step_run_id: i64,
    }
    optional {
        /// The claim on the step. Without one the step is claimed first.
        claim: Option<String>,
    }
}

/// The step after it ran.
pub type Output = StepRun;

impl Script for Args {
    type Output = Output;
    const NAME: &'static str = "step_execute_api";
    const SUMMARY: &'static str = "Executes a step through the API";
    const DESCRIPTION: &'static str = "Has the API execute a step run and waits until it is done. \
        Yields the step: `needs_qa` when it has to be checked, `completed` when its policy says \
        that it need not. Fails when the execution fails. Ending the job cancels the execution.";
    const IDEMPOTENT: bool = false;
    const TIMEOUT_SECONDS: i64 = 7_200;
    const REACH: Reach = Reach::Api;
}
