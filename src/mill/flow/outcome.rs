//! How steps and lists of steps end.
//!
//! Always so: a failure carries the result that its flow would have, and whether a failure handler may still run.

use std::sync::Arc;

use millwright_core::openflow::StopAfterIf;
use serde_json::{Value, json};

use crate::mill::worker::failed;

/// How a step, or a list of steps, ended.
#[derive(Debug, Clone)]
pub(super) enum Ended {
    /// It went to its end.
    Done(Arc<Value>),
    /// A `stop_after_if` ended it.
    Stopped {
        /// The result.
        result: Arc<Value>,
        /// Whether the flow then counts as skipped.
        skipped: bool,
    },
    /// It failed.
    Failed(Failure),
    /// It was ended from outside.
    Canceled,
}

/// A failure.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    /// The result of the flow that it fails.
    pub(super) result: Arc<Value>,
    /// Whether the flow's failure handler is to run.
    pub(super) to_handler: bool,
    /// How the failure handler ended, where one has run.
    pub(super) handled: Option<Handled>,
    /// Whether the step counts as failed; else it counts as never begun.
    pub(super) begun: bool,
    /// Whether a `stop_after_if` ended the flow with a message.
    pub(super) early: bool,
}

/// How a failure handler ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Handled {
    /// Whether it ended well.
    pub(super) success: bool,
    /// Whether it says `{"recover": true}`: then the flow ends well.
    pub(super) recovers: bool,
}

impl Ended {
    /// A failure that the failure handler sees.
    pub(super) fn failed(result: Value) -> Self {
        Self::Failed(Failure {
            result: Arc::new(result),
            to_handler: true,
            handled: None,
            begun: true,
            early: false,
        })
    }

    /// A `stop_after_if` with a message held. Without a failure handler nothing follows any more.
    pub(super) fn stopped_early(condition: &StopAfterIf, message: &str) -> Self {
        let message = match message {
            "" => format!("stop after if: {}", condition.expr),
            message => message.to_owned(),
        };
        Self::Failed(Failure {
            result: Arc::new(failed("EarlyStopError", &message)),
            to_handler: true,
            handled: None,
            begun: true,
            early: true,
        })
    }

    /// A failure inside a round or branch, where the handler has had its turn.
    pub(super) fn failed_inside(result: Arc<Value>) -> Self {
        Self::Failed(Failure {
            result,
            to_handler: false,
            handled: None,
            begun: true,
            early: false,
        })
    }

    /// A condition around a step that threw. No failure handler runs.
    pub(super) fn broken_condition(error: impl std::fmt::Display) -> Self {
        let result = failed("InternalError", &format!("Error: {error}"));
        Self::Failed(Failure {
            result: Arc::new(result),
            to_handler: false,
            handled: None,
            begun: false,
            early: false,
        })
    }

    /// A `stop_after_if` or `retry_if` that threw: its error is a text. No failure handler runs.
    pub(super) fn broken_stop(error: impl std::fmt::Display) -> Self {
        let result = json!({"error": format!("Error: {error}")});
        Self::Failed(Failure {
            result: Arc::new(result),
            to_handler: false,
            handled: None,
            begun: true,
            early: false,
        })
    }
}

/// One line that says what went wrong, for a person who watches.
pub(crate) fn line_of(result: &Value) -> String {
    let error = crate::mill::expression::error_in(result);
    if error["name"] == "UnknownError" && !result.is_null() {
        return format!("a step failed, and the failure handler answered {result}");
    }
    let text = |key: &str| error.get(key).and_then(Value::as_str).map(str::to_owned);
    let said = text("message").or_else(|| error.as_str().map(str::to_owned));
    let said = said.unwrap_or_else(|| result.to_string());
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}
