//! Where specs come from beside being written: each source gives the same thing, a spec.
//!
//! Always so: nothing here reads a file; whoever does passes what was read.

pub mod codemachine;
pub mod files;
pub mod rows;
mod task_line;
pub mod tasks;
