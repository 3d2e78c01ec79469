//! The pure core of millwright: what is true without a disk, a network, a clock or an environment.
//!
//! Always so: nothing in this crate does input or output, and it builds for `wasm32-unknown-unknown`.

pub mod catalog;
pub mod openflow;
pub mod protocol;
pub mod refs;
