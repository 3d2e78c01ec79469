//! Runs flows: the steps, what is decided around them, loops and branches.
//!
//! Always so: a job is in the database before anything of it runs, and its end is there before the step after it
//! begins.

mod branches;
mod cache;
mod conditions;
mod frame;
mod journal;
mod loops;
mod outcome;
mod parts;
mod preprocessor;
mod recorded;
mod retry;
mod scripts;
mod stand_ins;
mod start;
mod status;
mod step;
mod steps;
mod waiting;
mod whole;

pub(super) use frame::Run;
pub(super) use journal::{Beginning, Finished};
pub(crate) use outcome::line_of;
pub(super) use recorded::Recorded;
pub(super) use start::{FlowTask, RootScript};
