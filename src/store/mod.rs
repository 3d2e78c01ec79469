//! The database: tables, migrations, queries.
//!
//! Always so: one thread at a time writes, and commits what waits as one group before it answers any of it; readers
//! do not wait for it. What was answered survives a kill of the process.

pub mod artifacts;
mod checkpoints;
mod conditions;
mod connection;
mod database;
mod error;
pub mod jobs;
pub mod leases;
mod migrations;
pub mod protocols;
mod readers;
pub mod runs;
mod time;
mod writer;

pub use database::{DEFAULT_ADDRESS, Store, StoreOptions};
pub use error::StoreError;
pub use time::Timestamp;
