//! Bodies, queries and paths, checked against the schemas that `OpenAPI` shows.
//!
//! Always so: what is wrong is told all at once, as a 422 whose entries name each place.

mod quick;
mod shape;
mod source;

pub use source::{JsonBody, OptionalJsonBody, PathParams, QueryParams};
