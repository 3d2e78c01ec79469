//! The steps: what runs inside a Windmill worker, one file per script, and the executable that reaches them.
//!
//! Always so: a step reaches the network, the environment, time and other programs through `host` alone.

pub mod client;
pub mod engine;
pub mod exit;
pub mod files;
pub mod host;
mod placeholders;
pub mod planning;
pub mod program;
pub mod runner;
pub mod steps;
pub mod workspace;
