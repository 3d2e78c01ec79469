//! Loops: a step that failed sends itself and what follows back.
//!
//! Always so: the first policy that applies ends the search, and a cancelled step is never sent back.

use serde_json::{Value, json};

use super::condition::{holds, tokens};
use super::fields::{Behavior, Policy};
use super::{Decision, Reason};
use crate::protocol::{EventType, NewEvent, Step, StepAction};

/// So often a loop goes back whose policy names no limit: nothing goes on for ever.
const MOST_ITERATIONS: i64 = 1_000;

struct Loop<'a> {
    written: &'a Value,
    policy: Policy<'a>,
    module_id: String,
    iterations: i64,
    reason: Reason,
}

/// Asks a step's loop policies; says whether one applied.
pub(super) fn apply(decision: &mut Decision, step_run_id: i64, reason: Reason) -> bool {
    let Some(source) = decision.after.step(step_run_id).cloned() else {
        return false;
    };
    source
        .policies
        .iter()
        .filter_map(|written| Loop::read(written, &source, reason))
        .any(|policy| policy.ask(decision, &source))
}

impl<'a> Loop<'a> {
    fn read(written: &'a Value, source: &Step, reason: Reason) -> Option<Self> {
        let policy = Policy::read(written)?;
        let module_id = policy.module_id("loop");
        let counts = source.runtime_state.get("loop_counts");
        let iterations = counts.and_then(|counts| counts.get(&module_id)?.as_i64());
        (policy.behavior()? == Behavior::Loop).then_some(Self {
            written,
            policy,
            module_id,
            iterations: iterations.unwrap_or(0),
            reason,
        })
    }

    fn ask(&self, decision: &mut Decision, source: &Step) -> bool {
        let conditions = tokens(&self.policy);
        if !holds(&conditions, self.reason) {
            let event = self.event(source, EventType::LoopConditionSkipped, "does not apply");
            decision.emit(event.with("conditions", conditions));
            return false;
        }
        let max = self.policy.max_iterations().unwrap_or(MOST_ITERATIONS);
        if self.iterations >= max {
            let event = self.event(source, EventType::LoopLimitReached, "has reached its limit");
            decision.emit(
                event
                    .with("iterations", self.iterations)
                    .with("max_iterations", max),
            );
            return false;
        }
        self.send_back(decision, source);
        true
    }

    fn send_back(&self, decision: &mut Decision, source: &Step) {
        let skip = self.policy.skip_steps();
        let target = self.target(source.index, &skip);
        let mut reset = Vec::new();
        for step in &mut decision.after.steps {
            if step.index >= target
                && !skip.contains(&step.index)
                && step.take(StepAction::SendBack).is_ok()
            {
                reset.push(step.index);
            }
        }
        self.count(decision, source, target);
        let state = decision.after.step(source.id);
        let state = state.map(|step| Value::Object(step.runtime_state.clone()));
        let event = self.event(source, EventType::LoopDecision, "sends steps back");
        decision.emit(
            event
                .with("runtime_state", state)
                .with("target_step_index", target)
                .with("steps_reset", reset)
                .with("iterations", self.iterations + 1)
                .with("max_iterations", self.policy.max_iterations()),
        );
    }

    fn target(&self, index: i64, skip: &[i64]) -> i64 {
        let mut target = index.saturating_sub(self.policy.step_back()).max(0);
        while target > 0 && skip.contains(&target) {
            target -= 1;
        }
        target
    }

    fn count(&self, decision: &mut Decision, source: &Step, target: i64) {
        let mut counts = match source.runtime_state.get("loop_counts") {
            Some(Value::Object(counts)) => counts.clone(),
            _ => serde_json::Map::new(),
        };
        counts.insert(self.module_id.clone(), json!(self.iterations + 1));
        decision.remember(source.id, "loop_counts", counts);
        decision.remember(source.id, "last_action", "loop_step_back");
        decision.remember(source.id, "last_policy_module_id", self.module_id.as_str());
        decision.remember(source.id, "last_target_step_index", target);
    }

    fn event(&self, source: &Step, event_type: EventType, what: &str) -> NewEvent {
        let message = format!("Loop {} of {} {what}.", self.module_id, source.name);
        NewEvent::new(event_type, message)
            .of_step(source.id)
            .with("policy", self.written.clone())
            .with("reason", self.reason.as_str())
    }
}
