//! The steps: what runs inside a Windmill worker, one file per script, and the executable that reaches them.
//!
//! Without the feature `native` only what needs the API alone is left, for any host: no processes, no files.
//!
//! Always so: a step reaches the network, the environment, time and other programs through `host` alone.

pub mod client;
#[cfg(feature = "native")]
pub mod engine;
pub mod exit;
#[cfg(feature = "native")]
pub mod files;
pub mod host;
#[cfg(feature = "native")]
mod placeholders;
#[cfg(feature = "native")]
pub mod planning;
#[cfg(feature = "native")]
pub mod program;
#[cfg(feature = "native")]
pub mod runner;
pub mod steps;
#[cfg(feature = "native")]
pub mod workspace;
