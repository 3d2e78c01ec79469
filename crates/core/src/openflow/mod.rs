//! OpenFlow: Windmill's description of a flow, parsed and printed.
//!
//! Always so: what is parsed is printed back with the same meaning. A field that these types do not know is kept in
//! `other`, under its own name; the order of fields is not kept, and a `null` counts as absent.

mod flow;
mod module;
mod node;
mod suspend;
mod transform;
mod value;
mod walk;

pub use flow::{Flow, FlowValue};
pub use module::{ConstantRetry, ExponentialRetry, Mock, Module, Predicate, Retry, StopAfterIf};
pub use node::OpenFlowError;
pub use suspend::{ResumeForm, Suspend};
pub use transform::{Amount, Transform};
pub use value::{
    BranchAll, BranchAllBranch, BranchOne, BranchOneBranch, ForLoop, Identity, ModuleValue,
    PathFlow, PathScript, RawScript, UnknownValue, WhileLoop,
};
