//! What a step does: run a script or a flow, loop, branch, or pass on.
//!
//! Always so: a type that is not known here is kept as an [`UnknownValue`] and printed as it was.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::node::{Node, Place, node, object_of, take};
use super::{Amount, Module, OpenFlowError, Transform};

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum ModuleValue {
    /// `script`: a script by its path.
    Script(PathScript),
    /// `rawscript`: a script written into the flow.
    RawScript(RawScript),
    /// `flow`: another flow by its path.
    Flow(PathFlow),
    /// `forloopflow`: the same steps for each item.
    ForLoop(ForLoop),
    /// `whileloopflow`: the same steps until one says stop.
    WhileLoop(WhileLoop),
    /// `branchone`: the first branch that applies.
    BranchOne(BranchOne),
    /// `branchall`: every branch.
    BranchAll(BranchAll),
    /// `identity`: passes the result before on.
    Identity(Identity),
    /// Any other type.
    Unknown(UnknownValue),
}

/// A step of a type that is not known here.
#[derive(Debug, Clone, PartialEq)]
pub struct UnknownValue {
    /// The type's name.
    pub kind: String,
    /// Its fields, as they were written.
    pub fields: Map<String, Value>,
}

node! {
    /// A script by its path.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct PathScript {
        /// The script's path, such as `u/devgodzilla/clone_repo`.
        path: String,
        /// Where its arguments come from.
        input_transforms: IndexMap<String, Transform>,
    }
}

node! {
    /// A script written into the flow.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct RawScript {
        /// Its language, such as `bash`.
        language: String,
        /// Its text.
        content: String,
        /// Where its arguments come from.
        input_transforms: IndexMap<String, Transform>,
        /// How many of its jobs there are at once.
        concurrent_limit: Option<u64>,
        /// What the jobs that count together have in common; all of this step's where nothing is said.
        custom_concurrency_key: Option<String>,
        /// For how many seconds a job that has ended counts as well.
        concurrency_time_window_s: Option<u64>,
    }
}

node! {
    /// Another flow by its path.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct PathFlow {
        /// The flow's path, such as `f/devgodzilla/run_next_step`.
        path: String,
        /// Where its inputs come from.
        input_transforms: IndexMap<String, Transform>,
    }
}

node! {
    /// The same steps for each item of a list.
    #[derive(Debug, Clone, PartialEq)]
    pub struct ForLoop {
        /// The list.
        iterator: Transform,
        /// The steps; the item is `flow_input.iter.value`, its position `flow_input.iter.index`.
        modules: Vec<Module>,
        /// Whether the loop goes on after a round that failed.
        skip_failures: Option<bool>,
        /// Whether the rounds run side by side.
        parallel: Option<bool>,
        /// How many of them at most.
        parallelism: Option<Amount>,
    }
}

node! {
    /// The same steps until a `stop_after_if` holds.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct WhileLoop {
        /// The steps; the round's number is `flow_input.iter.index`.
        modules: Vec<Module>,
        /// Whether the loop goes on after a round that failed.
        skip_failures: Option<bool>,
    }
}

node! {
    /// The first branch whose expression holds, else the default.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct BranchOne {
        /// The branches, in the order in which they are tried.
        branches: Vec<BranchOneBranch>,
        /// The steps where no expression holds.
        default: Vec<Module>,
    }
}

node! {
    /// A branch with its condition.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct BranchOneBranch {
        /// What it is for, in a few words.
        summary: Option<String>,
        /// The condition.
        expr: String,
        /// The steps.
        modules: Vec<Module>,
    }
}

node! {
    /// Every branch, one after the other or side by side.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct BranchAll {
        /// The branches; the result is the list of theirs, in this order.
        branches: Vec<BranchAllBranch>,
        /// Whether they run side by side.
        parallel: Option<bool>,
    }
}

node! {
    /// A branch that always runs.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct BranchAllBranch {
        /// What it is for, in a few words.
        summary: Option<String>,
        /// Whether its failure is put up with.
        skip_failure: Option<bool>,
        /// The steps.
        modules: Vec<Module>,
    }
}

node! {
    /// Passes the result before on.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct Identity {
        /// Whether it stands for a flow.
        flow: Option<bool>,
    }
}

impl ModuleValue {
    /// The type's name in OpenFlow.
    pub fn kind(&self) -> &str {
        match self {
            Self::Script(_) => "script",
            Self::RawScript(_) => "rawscript",
            Self::Flow(_) => "flow",
            Self::ForLoop(_) => "forloopflow",
            Self::WhileLoop(_) => "whileloopflow",
            Self::BranchOne(_) => "branchone",
            Self::BranchAll(_) => "branchall",
            Self::Identity(_) => "identity",
            Self::Unknown(unknown) => &unknown.kind,
        }
    }

    /// Where the step's arguments come from; none for loops, branches and what is unknown.
    pub fn input_transforms(&self) -> Option<&IndexMap<String, Transform>> {
        match self {
            Self::Script(script) => Some(&script.input_transforms),
            Self::RawScript(script) => Some(&script.input_transforms),
            Self::Flow(flow) => Some(&flow.input_transforms),
            _ => None,
        }
    }
}

impl Node for ModuleValue {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, OpenFlowError> {
        let mut fields = object_of(value, place)?;
        let kind: String = take(&mut fields, "type", place)?;
        Ok(match kind.as_str() {
            "script" => Self::Script(rest(fields, place)?),
            "rawscript" => Self::RawScript(rest(fields, place)?),
            "flow" => Self::Flow(rest(fields, place)?),
            "forloopflow" => Self::ForLoop(rest(fields, place)?),
            "whileloopflow" => Self::WhileLoop(rest(fields, place)?),
            "branchone" => Self::BranchOne(rest(fields, place)?),
            "branchall" => Self::BranchAll(rest(fields, place)?),
            "identity" => Self::Identity(rest(fields, place)?),
            _ => Self::Unknown(UnknownValue { kind, fields }),
        })
    }

    fn write(&self) -> Option<Value> {
        let written = match self {
            Self::Script(value) => value.write(),
            Self::RawScript(value) => value.write(),
            Self::Flow(value) => value.write(),
            Self::ForLoop(value) => value.write(),
            Self::WhileLoop(value) => value.write(),
            Self::BranchOne(value) => value.write(),
            Self::BranchAll(value) => value.write(),
            Self::Identity(value) => value.write(),
            Self::Unknown(value) => Some(Value::Object(value.fields.clone())),
        };
        let mut typed = Map::from_iter([("type".to_owned(), Value::from(self.kind()))]);
        if let Some(Value::Object(fields)) = written {
            typed.extend(fields);
        }
        Some(Value::Object(typed))
    }
}

fn rest<T: Node>(fields: Map<String, Value>, place: &Place<'_>) -> Result<T, OpenFlowError> {
    T::read(Value::Object(fields), place)
}

macro_rules! from_kinds {
    ($($kind:ident($type:ty)),* $(,)?) => {
        $(impl From<$type> for ModuleValue {
            fn from(value: $type) -> Self {
                Self::$kind(value)
            }
        })*
    };
}

from_kinds!(
    Script(PathScript),
    RawScript(RawScript),
    Flow(PathFlow),
    ForLoop(ForLoop),
    WhileLoop(WhileLoop),
    BranchOne(BranchOne),
    BranchAll(BranchAll),
    Identity(Identity),
);
