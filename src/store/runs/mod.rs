//! Runs: the table `codex_runs`.
//!
//! Always so: a run that has finished keeps its status, its end and what was noted then, until a higher attempt reopens it.

mod finish;
mod list;
mod row;
mod start;

use millwright_core::refs::Run;
use rusqlite::{Connection, OptionalExtension};

pub use finish::{end_with, finish, finish_for_job, followed_job};
pub use list::{RunFilter, list};
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
