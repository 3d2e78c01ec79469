//! The mill's jobs and their logs.
//!
//! Always so: a job goes from queued to running to completed and never back, and a completed job does not change.

mod change;
mod log;
mod query;
mod record;

pub use change::{
    CancelAnswer, Completion, NewJob, abandon, cancel, complete, insert, set_flow_status, start,
};
pub use log::{LogPart, LogSize, Offset, append_log, log_size, read_log};
pub use query::{
    Filter, Inputs, Status, beneath, get, inputs, list, status, unfinished, unfinished_of, wishes,
};
pub use record::{Cancellation, Job, JobKind, JobState};
