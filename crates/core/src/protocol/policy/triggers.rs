//! Triggers: what happens in one step makes another ready.
//!
//! Always so: nothing is run from here, the target waits to be chosen; and a chain of triggers ends at
//! [`MAX_INLINE_TRIGGER_DEPTH`].

use serde_json::Value;

use super::condition::{holds, tokens};
use super::fields::{Behavior, Policy};
use super::{Decision, Reason, triggered};
use crate::protocol::{EventType, NewEvent, Step, StepAction, agents_of};

/// How many triggers may follow one another.
pub const MAX_INLINE_TRIGGER_DEPTH: i64 = 3;

struct Trigger<'a> {
    written: &'a Value,
    policy: Policy<'a>,
    reason: Reason,
}

/// Asks a step's trigger policies; says whether one applied.
pub(super) fn apply(decision: &mut Decision, step_run_id: i64, reason: Reason) -> bool {
    let Some(source) = decision.after.step(step_run_id).cloned() else {
        return false;
    };
    let mut applied = false;
    for written in &source.policies {
        if let Some(trigger) = Trigger::read(written, reason) {
            applied |= trigger.ask(decision, &source);
        }
    }
    applied
}

impl<'a> Trigger<'a> {
    fn read(written: &'a Value, reason: Reason) -> Option<Self> {
        let policy = Policy::read(written)?;
        (policy.behavior()? == Behavior::Trigger).then_some(Self {
            written,
            policy,
            reason,
        })
    }

    fn ask(&self, decision: &mut Decision, source: &Step) -> bool {
        let conditions = tokens(&self.policy);
        if conditions.is_empty() && self.reason == Reason::ExecCompleted {
            // Without a condition it fires once, when the step has passed.
            return false;
        }
        if !holds(&conditions, self.reason) {
            let event = self.event(source, EventType::TriggerConditionSkipped, "does not apply");
            decision.emit(event.with("conditions", conditions));
            return false;
        }
        let Some(target) = self.target(decision) else {
            decision.emit(self.event(source, EventType::TriggerMissingTarget, "names no step"));
            return false;
        };
        if target.status.is_done() || target.status.is_in_hand() {
            let event = self.event(source, EventType::TriggerSkipped, "has nothing to do");
            decision.emit(event.with("target_status", target.status.as_str()));
            return false;
        }
        self.make_ready(decision, source, &target)
    }

    fn target(&self, decision: &Decision) -> Option<Step> {
        let agent = self.policy.target_agent()?;
        let steps = &decision.after.steps;
        // One that has the id whole comes before one that has it but for an extension.
        let found = [0, 1].iter().find_map(|form| {
            let mut steps = steps.iter();
            steps.find(|step| agents_of(&step.name)[*form] == agent)
        });
        found.cloned()
    }

    fn make_ready(&self, decision: &mut Decision, source: &Step, target: &Step) -> bool {
        let depth = depth_of(source) + 1;
        if depth >= MAX_INLINE_TRIGGER_DEPTH {
            let event = self.event(source, EventType::TriggerInlineDepthExceeded, "is too deep");
            decision.emit(on_target(event, target, depth));
            return false;
        }
        if decision.step(target.id, StepAction::SendBack).is_err() {
            return false;
        }
        triggered::made_ready(decision, target.id, &source.name);
        decision.remember(target.id, "inline_trigger_depth", depth);
        let event = self.event(source, EventType::TriggerDecision, "makes a step ready");
        decision.emit(on_target(event, target, depth).with("target_step_index", target.index));
        let event = self.event(source, EventType::TriggerPending, "waits for its step");
        decision.emit(on_target(event, target, depth).with("source", source.name.as_str()));
        true
    }

    fn event(&self, source: &Step, event_type: EventType, what: &str) -> NewEvent {
        let module_id = self.policy.module_id("trigger");
        NewEvent::new(
            event_type,
            format!("Trigger {module_id} of {} {what}.", source.name),
        )
        .of_step(source.id)
        .with("policy", self.written.clone())
        .with("reason", self.reason.as_str())
    }
}

pub(super) fn depth_of(step: &Step) -> i64 {
    let depth = step.runtime_state.get("inline_trigger_depth");
    depth.and_then(Value::as_i64).unwrap_or(0)
}

pub(super) fn on_target(event: NewEvent, target: &Step, depth: i64) -> NewEvent {
    event
        .with("target_step_id", target.id)
        .with("inline_depth", depth)
}
