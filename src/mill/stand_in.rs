//! What may take the place of a flow's scripts and sub-flows.
//!
//! Always so: whoever stands in says what becomes of a step; the flow around it goes on as it would on Windmill.

use std::time::Duration;

use millwright_core::refs::JobId;
use serde_json::{Map, Value};

/// Says what becomes of steps that run a script or a flow.
pub trait StandIn: Send + Sync {
    /// What becomes of this call.
    fn reply(&self, call: &Call<'_>) -> Reply;
}

/// A step that is about to run a script or a flow.
#[derive(Debug)]
pub struct Call<'a> {
    /// The step's job.
    pub job: JobId,
    /// The flow, round or branch that it is a step of.
    pub parent: JobId,
    /// The steps that lead to its flow, with a slash after each: empty, or such as `onboard/`.
    pub within: &'a str,
    /// The step's id.
    pub step_id: &'a str,
    /// The rounds that it is in, the outermost first.
    pub rounds: Vec<usize>,
    /// Its arguments.
    pub args: &'a Map<String, Value>,
    /// What it would run.
    pub runs: Runs<'a>,
    /// How long it may take.
    pub limit: Option<Duration>,
}

/// What a step would run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs<'a> {
    /// A script.
    Script {
        /// Its path, where it has one.
        path: Option<&'a str>,
        /// Whether it is there.
        known: bool,
    },
    /// A flow.
    Flow {
        /// Its path.
        path: &'a str,
        /// Whether it is there.
        known: bool,
    },
}

/// What becomes of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// Only after this time.
    pub after: Duration,
    /// Then this.
    pub act: Act,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// It ends well.
    Yield(Value),
    /// It fails with this error.
    Fail(Value),
    /// Somebody cancels the outermost flow while it runs.
    Cancel,
    /// It runs this bash script, with its arguments, in place of its own.
    RunScript(String),
    /// It does what it would do without a stand-in.
    Really,
}

impl From<Act> for Reply {
    fn from(act: Act) -> Self {
        Self {
            after: Duration::ZERO,
            act,
        }
    }
}
