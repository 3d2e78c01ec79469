//! The mill's jobs and their logs.
//!
//! Always so: a job goes from queued to running to completed and never back, and a completed job does not change.

mod cache;
mod change;
mod log;
mod query;
mod record;
mod result;
mod resume;

pub use cache::{cached, keep_cached};
pub use change::{
    CancelAnswer, Completion, NewJob, abandon, abandoned_result, adopt, cancel, complete, insert,
    set_flow_status, set_preprocessed, start,
};
pub use log::{LogPart, LogSize, Offset, append_log, log_size, read_log};
pub use query::{
    Filter, Inputs, Status, beneath, get, inputs, list, status, unfinished, unfinished_of, wishes,
};
pub use record::{Cancellation, Job, JobKind, JobState};
pub use result::{result_of, result_of_step};
pub use resume::{
    Resume, Waiting, flow_to_resume, newest_resume, resume, resumes, still_required, waiting_at,
    workspace_key,
};
