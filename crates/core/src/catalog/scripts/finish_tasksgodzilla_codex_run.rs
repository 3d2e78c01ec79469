//! `finish_tasksgodzilla_codex_run`: closes a run. Every flow's failure handler.
//!
//! Always so: it never hides the error that it reports, because a failed flow's result is its handler's.

use serde_json::Value;

use crate::catalog::{Reach, Script};
use crate::refs::RunStatus;

arguments! {
    /// What run to close, and how.
    required {}
    optional {
        /// The run's id. Without one nothing was registered, so nothing is closed.
        run_id: Option<String>,
        /// How it ended: `succeeded`, `failed` or `cancelled`.
        #[serde(default = "failed")]
        status: RunStatus,
        /// What went wrong.
        error: Option<Value>,
        /// What the run yielded.
        result: Option<Value>,
    }
}

record! {
    /// What was closed. In a failed flow this is the flow's result.
    pub struct Output {
        /// The run's id.
        pub run_id: Option<String>,
        /// How it ended.
        pub status: RunStatus,
        /// Whether the API took it.
        pub closed: bool,
        /// Why it was not closed.
        pub message: Option<String>,
        /// What went wrong, as it was given.
        pub error: Option<Value>,
    }
}

impl Script for Args {
    type Output = Output;
    const NAME: &'static str = "finish_tasksgodzilla_codex_run";
    const SUMMARY: &'static str = "Closes a run";
    const DESCRIPTION: &'static str = "Sets a run's final status, error and result in the \
        TasksGodzilla API. Best effort: without a run id, or with an API that does not answer, it \
        says so and succeeds, so that the error that it was given stays in sight.";
    const IDEMPOTENT: bool = true;
    const TIMEOUT_SECONDS: i64 = 60;
    const REACH: Reach = Reach::Api;
}

fn failed() -> RunStatus {
    RunStatus::Failed
}
