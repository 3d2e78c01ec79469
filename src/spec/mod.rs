//! Specs: their schema, what is wrong with one, and where one comes from on this machine's disk.
//!
//! Always so: every spec that is kept went through [`validate`], whoever made it.

pub mod codemachine;
mod derive;
mod read;
mod schema;
pub(crate) mod sentence;
mod source;
mod validate;

pub use derive::{Derived, NotDerived, derive};
pub use read::{LONGEST, ReadError, read_file, read_text};
pub use schema::document;
pub use source::{Made, SourceError, from_path};
pub use validate::{MOST_ERRORS, engines, validate, validate_in};
