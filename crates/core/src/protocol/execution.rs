//! What the API answers to those who drive a protocol: a selection, an execution under way, its end.
//!
//! Always so: a selection starts nothing, and an execution that has ended does not change any more.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Kind, ProtocolStatus, words::words};

words! {
    /// How an execution stands.
    ExecutionStatus is a "status of an execution" {
        /// Under way.
        Running = "running",
        /// Ended well: the work was done, or the check reached a verdict.
        Succeeded = "succeeded",
        /// Ended badly.
        Failed = "failed",
        /// Ended by someone's wish.
        Cancelled = "cancelled",
    }
}

/// A step that was claimed for the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SelectedStep {
    /// The step run.
    pub step_run_id: i64,
    /// The claim on it, to be shown when it is executed and checked.
    pub claim: String,
}

/// The answer to `POST /protocols/{id}/actions/run_next_step`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunNextStep {
    /// The first step that was claimed; null when none can be run now.
    pub step_run_id: Option<i64>,
    /// The claim on it.
    pub claim: Option<String>,
    /// Every step that was claimed, in the order of their indices.
    pub steps: Vec<SelectedStep>,
    /// How the protocol stands.
    pub status: ProtocolStatus,
    /// The same in a sentence.
    pub message: String,
}

/// The answer to `POST /steps/{id}/actions/execute` and `…/qa`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExecutionStarted {
    /// Names the execution.
    pub execution_id: String,
    /// The step run.
    pub step_run_id: i64,
    /// Which half of its work.
    pub kind: Kind,
    /// How it stands.
    pub status: ExecutionStatus,
}

/// The answer to `GET /executions/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Execution {
    /// Names the execution.
    pub execution_id: String,
    /// The step run.
    pub step_run_id: i64,
    /// Which half of its work.
    pub kind: Kind,
    /// How it stands.
    pub status: ExecutionStatus,
    /// What came of it: the step run of an execution, the [`super::QaResult`] of a check.
    pub result: Option<Value>,
    /// What went wrong: `{name, message}`.
    pub error: Option<Value>,
}
