//! `protocol_select_next_step`: claims the step that is to run next, or all that are ready.
//!
//! Always so: it starts nothing, and two holders never get the same step.

use crate::catalog::{Reach, Script};
use crate::protocol::RunNextStep;

arguments! {
    /// Whose steps to claim.
    required {
        /// The protocol run.
        protocol_run_id: i64,
    }
    optional {
        /// Whether to claim every ready step instead of one.
        #[serde(default)]
        all: bool,
    }
}

/// What was claimed.
pub type Output = RunNextStep;

impl Script for Args {
    type Output = Output;
    const NAME: &'static str = "protocol_select_next_step";
    const SUMMARY: &'static str = "Claims a protocol's next step";
    const DESCRIPTION: &'static str = "Claims the step that is to run next, or with `all` every \
        step that is ready, for the flow that runs this job. Asking again before the claim is used \
        gives the same claim. No ready step is an answer, with `step_run_id` null; only a refusal \
        fails.";
    const IDEMPOTENT: bool = true;
    const TIMEOUT_SECONDS: i64 = 60;
    const REACH: Reach = Reach::Api;
}
