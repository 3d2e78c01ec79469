//! Runs: the table `codex_runs`.
//!
//! Always so: a run that has finished keeps its status, its end and what was noted then, until a higher attempt reopens it.

mod copy;
mod finish;
mod list;
mod of_jobs;
mod row;
mod start;

use millwright_core::refs::Run;
use rusqlite::{Connection, OptionalExtension};

pub use copy::too_long;
pub use finish::finish;
pub use list::{RunFilter, list};
pub use of_jobs::{
    JobEnd, OpenJob, finish_for_job, follow_flow, followed_job, note_seen, open_jobs,
};
pub use start::start;

use super::StoreError;

/// One run.
///
/// # Errors
/// [`StoreError::NotFound`] where there is none with this id.
pub fn get(connection: &Connection, run_id: &str) -> Result<Run, StoreError> {
    connection
        .prepare_cached(concat!(
            "SELECT ",
            row::columns!(),
            " FROM codex_runs WHERE run_id = ?1"
        ))?
        .query_row([run_id], row::read)
        .optional()?
        .ok_or(StoreError::NotFound("Run"))
}
