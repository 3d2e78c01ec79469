//! The database: tables, migrations, queries.
//!
//! Always so: one thread writes, and commits what waits as one group before it answers any of it; a few
//! threads read. What was answered survives a kill of the process.

pub mod artifacts;
mod database;
mod error;
pub mod jobs;
mod migrations;
pub mod protocols;
pub mod runs;
mod time;

pub use database::{Store, StoreOptions};
pub use error::StoreError;
pub use time::Timestamp;
