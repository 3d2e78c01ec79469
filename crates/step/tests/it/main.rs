//! The step executable as a worker runs it: real processes, real sockets.
//!
//! Always so: no test sees another's folder, API or environment.

mod api;
mod clone;
mod emit;
mod faults;
#[path = "../../../../tests/it/git_fixture.rs"]
mod git_fixture;
mod last_try;
mod open_pr;
mod open_pr_programs;
mod program;
mod pull_request_fixture;
mod result;
mod runner;
mod step;
mod termination;
mod tls;
mod worker;
