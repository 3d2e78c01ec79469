//! What the mill tells those who watch: jobs that begin, are tried again, and end.
//!
//! Always so: every job that begins ends in exactly one [`Event::Ended`], after those of the jobs inside it.

use std::time::Duration;

use millwright_core::refs::JobId;
use serde_json::Value;

/// Something happened to a job.
#[derive(Debug, Clone)]
pub struct Event {
    /// The outermost job.
    pub root: JobId,
    /// The job.
    pub job: JobId,
    /// The flow, round or branch that it is a step of.
    pub parent: Option<JobId>,
    /// How many jobs it is inside of.
    pub depth: usize,
    /// What it is, in a few words: a step's id, `loop-0`, a path.
    pub label: String,
    /// What happened.
    pub change: Change,
}

/// What happened to a job.
#[derive(Debug, Clone)]
pub enum Change {
    /// It began.
    Began {
        /// Whether it has steps of its own.
        is_flow: bool,
    },
    /// It failed and is tried again.
    Again {
        /// Which try failed, from 1.
        attempt: u64,
        /// Why, in one line.
        error: String,
    },
    /// It waits for people.
    Waits(Waits),
    /// It ended.
    Ended {
        /// How.
        end: End,
        /// How long it took.
        took: Duration,
    },
}

/// Whom a flow waits for.
#[derive(Debug, Clone, PartialEq)]
pub struct Waits {
    /// The step after which it waits.
    pub step_id: String,
    /// How many have to agree.
    pub required: u64,
    /// How long they have.
    pub limit: Duration,
    /// Whether they are not to be offered to refuse.
    pub hide_cancel: bool,
    /// The JSON Schema of what they are asked.
    pub form: Option<Value>,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Well.
    Succeeded,
    /// It was passed over.
    Skipped,
    /// Badly, and why, in one line.
    Failed(String),
}
