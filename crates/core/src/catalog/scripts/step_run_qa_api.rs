//! `step_run_qa_api`: has the API check an executed step, and waits for the verdict.
//!
//! Always so: a verdict of `failed` is a result; only a check that could not be made fails the job.

use crate::catalog::{Reach, Script};
use crate::protocol::QaResult;

arguments! {
    /// What step to check, and how.
    required {
        /// The step run.
        step_run_id: i64,
    }
    optional {
        /// The gates to run, such as `lint`, `type`, `test`. By default those of the step.
        gates: Option<Vec<String>>,
        /// The claim on the step. Without one the step is claimed first.
        claim: Option<String>,
    }
}

/// The verdict.
pub type Output = QaResult;

impl Script for Args {
    type Output = Output;
    const NAME: &'static str = "step_run_qa_api";
    const SUMMARY: &'static str = "Checks an executed step through the API";
    const DESCRIPTION: &'static str = "Has the API run the gates and the QA engine on an executed \
        step, and waits for the verdict. The API then completes the step, fails it, or lets a \
        policy send it back. Fails only when the check itself cannot be made.";
    const IDEMPOTENT: bool = false;
    const TIMEOUT_SECONDS: i64 = 3_600;
    const REACH: Reach = Reach::Api;
}
