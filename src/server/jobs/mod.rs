//! Jobs as Windmill's routes show them, the mill's and Windmill's alike.
//!
//! Always so: one client speaks to both; a job id is a UUID before it reaches an address.

mod client;
mod error;
mod scan;
mod update;

pub(super) use client::{ANSWER_LIMIT, JobClient, JobServer, PAGE};
pub(super) use error::JobError;
pub(super) use update::Update;
