//! Decisions: what is to be changed, with the events that say so.
//!
//! Always so: a decision holds the whole state after it, so that whoever applies it writes what differs.

use serde_json::Value;

use super::{
    EventType, Illegal, NewEvent, ProtocolAction, ProtocolStatus, Snapshot, Step, StepAction,
    StepStatus, Telemetry,
};

/// The state after a decision, and its events in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The protocol run after it.
    pub after: Snapshot,
    /// What happened.
    pub events: Vec<NewEvent>,
}

/// Why nothing was decided.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The state does not allow it.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// The step is none of this protocol's.
    #[error("step {0} is none of this protocol's")]
    UnknownStep(i64),
    /// Questions that hold it back are open.
    #[error("step {step_run_id} waits for answers to {}: answer them first", .questions.join(", "))]
    AwaitsAnswers {
        /// The step run.
        step_run_id: i64,
        /// The questions, each with its id and key.
        questions: Vec<String>,
    },
    /// Questions that hold back its planning are open, and it has begun.
    #[error("planning waits for answers to {}: answer them first", .questions.join(", "))]
    PlanningAwaitsAnswers {
        /// The questions, each with its id and key.
        questions: Vec<String>,
    },
    /// It is to be planned anew, and a step of it has begun.
    #[error("step {step_run_id} is {status}: a protocol is planned anew before its steps begin")]
    Begun {
        /// The step run.
        step_run_id: i64,
        /// How it stands.
        status: StepStatus,
    },
    /// Steps that it needs are not done.
    #[error("step {step_run_id} waits for {}", .waits_for.join(", "))]
    NotReady {
        /// The step run.
        step_run_id: i64,
        /// What it waits for, with how each stands.
        waits_for: Vec<String>,
    },
}

impl Decision {
    pub(super) fn from(before: &Snapshot) -> Self {
        Self {
            after: before.clone(),
            events: Vec::new(),
        }
    }

    /// The steps that differ from those before, in order.
    pub fn changed_steps<'a>(
        &'a self,
        before: &'a Snapshot,
    ) -> impl Iterator<Item = (&'a Step, &'a Step)> {
        let pairs = before.steps.iter().zip(&self.after.steps);
        pairs.filter(|(old, new)| old != new)
    }

    pub(super) fn protocol(&mut self, action: ProtocolAction) -> Result<(), Illegal> {
        self.after.status = self.after.status.after(action)?;
        Ok(())
    }

    pub(super) fn step(&mut self, id: i64, action: StepAction) -> Result<StepStatus, Refused> {
        let step = self.after.step_mut(id).ok_or(Refused::UnknownStep(id))?;
        Ok(step.take(action)?)
    }

    /// Puts an event on record; the spec's hash goes with every one.
    pub(super) fn emit(&mut self, event: NewEvent) {
        let event = self.naming_its_run(event);
        let hash = self.after.spec_hash.clone();
        let event = match hash {
            Some(hash) if !event.metadata.contains_key("spec_hash") => {
                event.with("spec_hash", hash)
            }
            _ => event,
        };
        self.events.push(event);
    }

    /// What an execution or a check came to says whose it is.
    fn naming_its_run(&self, event: NewEvent) -> NewEvent {
        use EventType as T;
        let Some(step) = event.step_run_id else {
            return event;
        };
        match event.event_type {
            T::StepCompleted
            | T::CodemachineStepCompleted
            | T::StepExecutionFailed
            | T::QaPassed
            | T::QaFailed
            | T::QaPassedInline
            | T::QaFailedInline => event
                .with("protocol_run_id", self.after.protocol_run_id)
                .with("step_run_id", step),
            _ => event,
        }
    }

    /// The same, with what the work on a step used and spent in every event about it.
    pub(super) fn telling_of(mut self, step_run_id: i64, telemetry: &Telemetry) -> Self {
        let entries = telemetry.entries();
        let events = self.events.into_iter();
        let told = events.map(|event| match event.step_run_id {
            Some(step) if step == step_run_id => event.with_missing(&entries),
            _ => event,
        });
        self.events = told.collect();
        self
    }

    pub(super) fn note(&mut self, event_type: EventType, message: &str) {
        self.emit(NewEvent::new(event_type, message));
    }

    /// Something went wrong that a person has to look at; an ended protocol stays ended.
    pub(super) fn block(&mut self) {
        self.try_protocol(ProtocolAction::Block);
    }

    /// Takes an action where the protocol's status allows it.
    pub(super) fn try_protocol(&mut self, action: ProtocolAction) {
        if let Ok(status) = self.after.status.after(action) {
            self.after.status = status;
        }
    }

    /// Lets a blocked protocol go on when nothing is left in it that a person has to look at.
    pub(super) fn unblock_when_mended(&mut self) {
        let bad = |step: &Step| matches!(step.status, StepStatus::Failed | StepStatus::Blocked);
        let is_blocked = self.after.status == ProtocolStatus::Blocked;
        if is_blocked && !self.after.steps.iter().any(bad) {
            self.try_protocol(ProtocolAction::RetryStep);
        }
    }

    /// Completes the protocol when every step is done and none of its states forbids it.
    pub(super) fn complete_when_done(&mut self) {
        let steps = &self.after.steps;
        let done = !steps.is_empty() && steps.iter().all(|step| step.status.is_done());
        if done && self.protocol(ProtocolAction::Complete).is_ok() {
            self.note(EventType::ProtocolCompleted, "Protocol completed.");
        }
    }

    /// Keeps a value in a step's runtime state.
    pub(super) fn remember(&mut self, id: i64, key: &str, value: impl Into<Value>) {
        if let Some(step) = self.after.step_mut(id) {
            step.runtime_state.insert(key.to_owned(), value.into());
        }
    }

    /// Takes a value out of a step's runtime state.
    pub(super) fn forget(&mut self, id: i64, key: &str) {
        if let Some(step) = self.after.step_mut(id) {
            step.runtime_state.shift_remove(key);
        }
    }
}
