//! Loop and trigger policies, for execution and check alike.
//!
//! Always so: a step's policies are asked in their order, and each answer, also "not now", is an event.

mod condition;
mod fields;
mod loops;
#[cfg(test)]
mod tests;
pub(super) mod triggered;
mod triggers;

use super::Decision;

pub(super) use fields::{is_trigger, target_agent};
pub use triggers::MAX_INLINE_TRIGGER_DEPTH;

/// Why policies are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    QaFailed,
    QaPassed,
    ExecFailed,
    ExecCompleted,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::QaFailed => "qa_failed",
            Self::QaPassed => "qa_passed",
            Self::ExecFailed => "exec_failed",
            Self::ExecCompleted => "exec_completed",
        }
    }
}

/// Something failed in a step: its loops, then its triggers are asked; where none applies, the protocol is blocked.
pub(super) fn apply_policies(decision: &mut Decision, step_run_id: i64, reason: Reason) {
    let applied = loops::apply(decision, step_run_id, reason)
        || triggers::apply(decision, step_run_id, reason);
    if !applied {
        decision.block();
    }
}

/// Something went well in a step: its triggers are asked.
pub(super) fn apply_triggers(decision: &mut Decision, step_run_id: i64, reason: Reason) {
    triggers::apply(decision, step_run_id, reason);
}
