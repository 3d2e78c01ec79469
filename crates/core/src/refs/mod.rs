//! References to Windmill jobs, and the records of runs and artifacts as the refs API speaks them.
//!
//! Always so: a job id is a UUID and a run id a plain word, so neither can smuggle anything into a URL, a path or SQL.

mod job_ref;
mod record;
mod run_id;

pub use job_ref::{JobId, JobRef, RefError, Resource};
pub use record::{
    AGENT_LOG, Artifact, FinishRun, LogAppended, LogTail, Run, RunStatus, StartRun, UpsertArtifact,
};
pub use run_id::{RunId, RunIdError};
