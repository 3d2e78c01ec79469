//! Clarifications: questions to people, which may hold back planning, a step's work or its check until they are answered.
//!
//! Always so: only an open question that blocks holds anything back, and its answer lets go what it alone held.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::snapshot::LAPSES;
use super::words::words;
use super::{
    Decision, EventType, Illegal, Kind, NewEvent, ProtocolAction, ProtocolStatus, Refused,
    Snapshot, Step, StepAction, StepStatus,
};

/// So many questions are named in an event.
const MOST_NAMED: usize = 20;
/// Where a blocked step's runtime state keeps which phase waits for an answer.
const WAITS_IN: &str = "waits_for_answers_in";

words! {
    /// What a question is about.
    Phase is a "phase of a protocol" {
        /// The project's setup.
        Onboarding = "onboarding",
        /// The making of the plan.
        Planning = "planning",
        /// The steps' own work.
        Execution = "execution",
        /// Their checks.
        Qa = "qa",
    }
}

words! {
    /// How a question stands.
    ClarificationStatus is a "status of a clarification" {
        /// It waits for an answer.
        Open = "open",
        /// It has one.
        Answered = "answered",
    }
}

/// A question to people: a row of `clarifications`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Clarification {
    /// The row's id.
    pub id: i64,
    /// What it is asked of: `project:<id>`, `protocol:<id>` or `step:<id>`.
    pub scope: String,
    /// The project.
    pub project_id: i64,
    /// The protocol run, where it is asked of one or of its step.
    pub protocol_run_id: Option<i64>,
    /// The step run, where it is asked of one.
    pub step_run_id: Option<i64>,
    /// Names it within its scope.
    pub key: String,
    /// The question.
    pub question: String,
    /// What it is about; null: everything in its scope.
    pub applies_to: Option<Phase>,
    /// Whether work waits for the answer.
    pub blocking: bool,
    /// The answer that is recommended.
    pub recommended: Option<Value>,
    /// The answers to choose from.
    pub options: Option<Value>,
    /// Whether it was answered.
    pub status: ClarificationStatus,
    /// The answer.
    pub answer: Option<Value>,
    /// Who answered.
    pub answered_by: Option<String>,
    /// When it was answered.
    pub answered_at: Option<String>,
    /// When it was first asked.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
}

impl From<Kind> for Phase {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Execute => Self::Execution,
            Kind::Qa => Self::Qa,
        }
    }
}

/// The questions that planning waits for.
pub(super) fn planning_awaits(snapshot: &Snapshot) -> Vec<&Clarification> {
    let about = |question: &&Clarification| {
        let phases = [None, Some(Phase::Onboarding), Some(Phase::Planning)];
        question.step_run_id.is_none() && phases.contains(&question.applies_to)
    };
    snapshot.questions.iter().filter(about).collect()
}

/// The questions that a step waits for in one half of its work.
pub(super) fn step_awaits(
    snapshot: &Snapshot,
    step_run_id: i64,
    kind: Kind,
) -> Vec<&Clarification> {
    let phase = Phase::from(kind);
    let about = |question: &&Clarification| {
        question.applies_to.is_none_or(|about| about == phase)
            && question.step_run_id.is_none_or(|id| id == step_run_id)
    };
    snapshot.questions.iter().filter(about).collect()
}

/// Planning waits for answers: the protocol is blocked. None where it waits for nothing.
///
/// # Errors
/// [`Illegal`] unless it is being planned.
pub fn hold_back_planning(snapshot: &Snapshot) -> Result<Option<Decision>, Illegal> {
    if planning_awaits(snapshot).is_empty() {
        return Ok(None);
    }
    let mut decision = Decision::from(snapshot);
    decision.protocol(ProtocolAction::PlanningFailed)?;
    decision.emit(planning_waits(snapshot));
    Ok(Some(decision))
}

/// A valid spec has come, and planning waits for answers: the protocol is blocked, and planned by it when they are there.
/// None where planning waits for nothing.
///
/// # Errors
/// [`Refused`] where the protocol has begun, or has ended.
pub fn hold_back_spec(snapshot: &Snapshot) -> Result<Option<Decision>, Refused> {
    let questions = planning_awaits(snapshot);
    if questions.is_empty() {
        return Ok(None);
    }
    let mut decision = Decision::from(snapshot);
    decision.protocol(ProtocolAction::AcceptSpec)?;
    let goes_on = matches!(
        snapshot.status,
        ProtocolStatus::Running | ProtocolStatus::Paused
    );
    if goes_on || !is_untouched(snapshot) {
        return Err(Refused::PlanningAwaitsAnswers {
            questions: named(&questions),
        });
    }
    decision.block();
    decision.emit(planning_waits(snapshot));
    Ok(Some(decision))
}

/// A step waits for answers: it is blocked, and, before its own work, its protocol too. One that waits already goes on
/// waiting. None where it waits for nothing.
///
/// # Errors
/// [`Refused`] where nobody can wait with the step, as when it runs.
pub fn hold_back_step(
    snapshot: &Snapshot,
    step_run_id: i64,
    kind: Kind,
) -> Result<Option<Decision>, Refused> {
    let mut decision = Decision::from(snapshot);
    let waits = hold_back(&mut decision, step_run_id, kind)?;
    Ok(waits.then_some(decision))
}

/// The same within a decision; says whether the step waits.
pub(super) fn hold_back(
    decision: &mut Decision,
    step_run_id: i64,
    kind: Kind,
) -> Result<bool, Refused> {
    let now = &decision.after;
    let questions = step_awaits(now, step_run_id, kind);
    let step = now.step(step_run_id);
    let step = step.ok_or(Refused::UnknownStep(step_run_id))?;
    if questions.is_empty() || waits_in(step).is_some() {
        return Ok(!questions.is_empty());
    }
    let event_type = match kind {
        Kind::Execute => EventType::StepBlockedClarifications,
        Kind::Qa => EventType::QaBlockedClarifications,
    };
    let event = blocked(event_type, &step.name, &questions, now);
    decision.step(step_run_id, StepAction::Block)?;
    decision.remember(step_run_id, WAITS_IN, Phase::from(kind).as_str());
    decision.emit(event.of_step(step_run_id).with("step_run_id", step_run_id));
    if kind == Kind::Execute {
        decision.block();
    }
    Ok(true)
}

/// A question is asked about a step that has failed: the step waits for the answer, and is tried again with it.
/// None where the question does not hold back the step's own work, the step has not failed, or the protocol has ended.
pub fn asked_of_failed_step(snapshot: &Snapshot, step_run_id: i64) -> Option<Decision> {
    let step = snapshot.step(step_run_id)?;
    let is_asked = |question: &&Clarification| question.step_run_id == Some(step_run_id);
    let questions = step_awaits(snapshot, step_run_id, Kind::Execute);
    let waits = step.status == StepStatus::Failed && !snapshot.status.is_terminal();
    if !waits || !questions.iter().any(is_asked) {
        return None;
    }
    hold_back_step(snapshot, step_run_id, Kind::Execute)
        .ok()
        .flatten()
}

/// An answer has come: what no other question holds goes on. A protocol that was blocked before its first step is planned
/// again.
pub fn answered(snapshot: &Snapshot) -> Decision {
    let mut decision = Decision::from(snapshot);
    for step in &snapshot.steps {
        let Some(kind) = waits_in(step) else { continue };
        if !step_awaits(snapshot, step.id, kind).is_empty() {
            continue;
        }
        let action = match kind {
            Kind::Execute => StepAction::Unblock,
            Kind::Qa => StepAction::UnblockQa,
        };
        if decision.step(step.id, action).is_ok() {
            decision.forget(step.id, WAITS_IN);
        }
    }
    if is_untouched(snapshot) && snapshot.status == ProtocolStatus::Blocked {
        if planning_awaits(snapshot).is_empty() {
            // The table has this row for a blocked protocol.
            decision.try_protocol(ProtocolAction::PlanAgain);
        }
    } else if decision.after != *snapshot {
        decision.unblock_when_mended();
    }
    decision
}

/// The event that tells a protocol of a question or its answer.
pub fn about_question(event_type: EventType, question: &Clarification) -> NewEvent {
    let event = NewEvent::new(event_type, question.question.clone())
        .with("clarification_id", question.id)
        .with("scope", question.scope.as_str())
        .with("key", question.key.as_str())
        .with("blocking", question.blocking)
        .with("applies_to", question.applies_to.map(Phase::as_str));
    match question.step_run_id {
        Some(id) => event.of_step(id),
        None => event,
    }
}

/// What is asked, for messages.
pub(super) fn named(questions: &[&Clarification]) -> Vec<String> {
    let questions = questions.iter();
    questions
        .map(|question| format!("question {} ({})", question.id, question.key))
        .collect()
}

/// What is asked, for the metadata of events.
pub(super) fn in_few_words(questions: &[&Clarification]) -> Value {
    let few = questions.iter().take(MOST_NAMED);
    let told = few.map(|question| {
        let (key, text) = (&question.key, &question.question);
        json!({"id": question.id, "key": key, "question": text})
    });
    told.collect()
}

/// Whether none of its steps has begun.
pub(super) fn is_untouched(snapshot: &Snapshot) -> bool {
    let untouched = |step: &Step| {
        let begun_before = step.retries > 0 || step.runtime_state.contains_key(LAPSES);
        step.status == StepStatus::Pending && !begun_before
    };
    snapshot.steps.iter().all(untouched)
}

fn planning_waits(snapshot: &Snapshot) -> NewEvent {
    let event = EventType::PlanningBlockedClarifications;
    blocked(event, "Planning", &planning_awaits(snapshot), snapshot)
}

fn waits_in(step: &Step) -> Option<Kind> {
    if step.status != StepStatus::Blocked {
        return None;
    }
    match step.runtime_state.get(WAITS_IN)?.as_str()?.parse().ok()? {
        Phase::Qa => Some(Kind::Qa),
        _ => Some(Kind::Execute),
    }
}

fn blocked(
    event_type: EventType,
    what: &str,
    questions: &[&Clarification],
    snapshot: &Snapshot,
) -> NewEvent {
    let keys: Vec<&str> = questions
        .iter()
        .map(|question| question.key.as_str())
        .collect();
    let message = format!("{what} waits for answers: {}.", keys.join(", "));
    NewEvent::new(event_type, message)
        .with("project_id", snapshot.project_id)
        .with("protocol_run_id", snapshot.protocol_run_id)
        .with("blocking", in_few_words(questions))
        .with("truncated", questions.len() > MOST_NAMED)
}
