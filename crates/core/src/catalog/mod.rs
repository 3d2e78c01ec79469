//! Every Windmill script's argument and result types, the flow builder, and the seven flows written with it.
//!
//! Always so: what a script takes and yields is said once, in its Rust types; schemas, scripts and flows are made from them.

#[macro_use]
mod define;
mod expr;
mod flow;
pub mod flows;
mod info;
mod kind;
mod render;
mod schema;
mod script;
pub mod scripts;

pub use expr::{Expr, IntoExpr, Record};
pub use flow::{
    Body, Branches, BuildError, Done, FlowBuilder, FlowDefinition, ForEach, Input, Maybe,
    ParallelBranches, Rounds, ScriptStep, Transforms, Unsure,
};
pub use info::{ScriptInfo, TOKEN_ARGUMENT};
pub use kind::{ArgumentKind, ArgumentValue, Object};
pub use render::GENERATED;
pub use script::{Argument, Arguments, Reach, Script, defaults_of};
