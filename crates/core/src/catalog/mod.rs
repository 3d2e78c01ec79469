//! Every Windmill script's argument and result types, the flow builder, and the seven flows written with it.
//!
//! Always so: what a script takes and yields is said once, in its Rust types; schemas, scripts and flows are made from them.

#[macro_use]
mod define;
mod info;
mod kind;
mod script;
pub mod scripts;

pub use info::ScriptInfo;
pub use kind::{ArgumentKind, ArgumentValue, Object};
pub use script::{Argument, Arguments, Reach, Script};
