//! The step executable as a worker runs it: real processes, real sockets.
//!
//! Always so: no test sees another's folder, API or environment.

mod api;
mod clone;
mod emit;
mod faults;
mod program;
mod result;
mod runner;
mod step;
mod termination;
mod tls;
mod worker;
