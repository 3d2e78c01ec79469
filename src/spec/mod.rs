//! Specs on disk: where they come from.
//!
//! Always so: each source gives the same thing, and what is wrong with it is named with its file.

pub mod codemachine;
