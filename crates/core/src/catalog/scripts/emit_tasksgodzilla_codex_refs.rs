//! `emit_tasksgodzilla_codex_refs`: registers a run and the references to what its job leaves behind.
//!
//! Always so: repeating it changes nothing.

use crate::catalog::{Object, Reach, Script};

arguments! {
    /// What run to register.
    required {}
    optional {
        /// The run's id. By default the id of this job.
        run_id: Option<String>,
        /// What kind of job it is.
        #[serde(default = "job_type")]
        job_type: String,
        /// What the run is for.
        run_kind: Option<String>,
        /// The project that it belongs to.
        project_id: Option<i64>,
        /// The protocol run that it belongs to.
        protocol_run_id: Option<i64>,
        /// The step run that it belongs to.
        step_run_id: Option<i64>,
        /// What it was called with.
        params: Option<Object>,
        /// Whether to register the job's log, result and error as artifacts.
        #[serde(default = "attach")]
        attach_default_artifacts: bool,
    }
}

words! {
    /// How it went.
    pub enum Status {
        /// The run is registered.
        Ok,
    }
}

record! {
    /// What was registered.
    pub struct Output {
        /// `ok`: the run is registered. Where it is not, the job fails.
        pub status: Status,
        /// The run's id.
        pub run_id: String,
        /// The job that registered it.
        pub windmill_job_id: String,
        /// The reference to its log.
        pub log_path: String,
        /// The artifacts, also those that were refused.
        pub artifacts: Vec<EmittedArtifact>,
        /// Associations that the API does not know and dropped.
        #[serde(default)]
        pub warnings: Vec<String>,
    }
}

record! {
    /// One artifact.
    pub struct EmittedArtifact {
        /// Its name, such as `windmill.logs`.
        pub name: String,
        /// What it is: `log`, `result` or `error`.
        pub kind: String,
        /// The reference.
        pub path: String,
        /// Its id, where it was registered.
        pub id: Option<i64>,
        /// Why it was not registered.
        pub error: Option<String>,
    }
}

impl Script for Args {
    type Output = Output;
    const NAME: &'static str = "emit_tasksgodzilla_codex_refs";
    const SUMMARY: &'static str = "Registers a run and the references to its job";
    const DESCRIPTION: &'static str = "Registers this job as a run in the TasksGodzilla API, with \
        references to its log, result and error. As a flow's step `tgz_emit_refs` it registers the \
        flow's job too. Fails outside of a Windmill job, and when the run cannot be registered.";
    const IDEMPOTENT: bool = true;
    const TIMEOUT_SECONDS: i64 = 60;
    const REACH: Reach = Reach::Api;
}

fn job_type() -> String {
    "windmill".to_owned()
}

fn attach() -> bool {
    true
}
