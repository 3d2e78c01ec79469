//! The steps: what runs inside a Windmill worker, one file per script, and the executable that reaches them.
//!
//! Always so: a step talks to the outside through `host` alone.

pub mod exit;
