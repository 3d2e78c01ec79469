//! What people and the clock do to a protocol: start, pause, resume, cancel; begin a step; let go of it.
//!
//! Always so: each of these is one row of the transition tables, with its event.

use serde_json::{Map, Value, json};

use super::clarification::{named, step_awaits};
use super::no_folder;
use super::policy::triggered;
use super::select::waits_for;
use super::snapshot::LAPSES;
use super::{
    Decision, EventType, Illegal, Kind, NewEvent, ProtocolAction, ProtocolStatus, Refused,
    Snapshot, SpecError, Step, StepAction, StepStatus,
};

/// Why nobody is at work on a step any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetGo {
    /// Its claim was not renewed in time.
    LeaseExpired {
        /// So long nobody renewed it.
        age_seconds: u64,
        /// So long it holds.
        threshold_seconds: u64,
    },
    /// The server that ran it is gone.
    ServerLost,
}

/// Someone starts the protocol: it is being planned.
///
/// # Errors
/// [`Illegal`] unless it is pending or planned.
pub fn start(snapshot: &Snapshot) -> Result<Decision, Illegal> {
    let mut decision = Decision::from(snapshot);
    decision.protocol(ProtocolAction::Start)?;
    let event = NewEvent::new(EventType::PlanningEnqueued, "Planning enqueued.");
    decision.emit(event.with("job_id", Value::Null));
    Ok(decision)
}

/// Someone wants another plan: it is being planned again. Its steps stay until there is one.
///
/// # Errors
/// [`Refused`] unless it is pending, planned or blocked, or where a step of it has begun.
pub fn replan(snapshot: &Snapshot) -> Result<Decision, Refused> {
    let mut decision = Decision::from(snapshot);
    decision.protocol(ProtocolAction::Replan)?;
    let mut steps = snapshot.steps.iter();
    match steps.find(|step| step.status != StepStatus::Pending) {
        Some(begun) => Err(Refused::Begun {
            step_run_id: begun.id,
            status: begun.status,
        }),
        None => Ok(decision),
    }
}

/// The steps were made from the spec; `protocol_root` is where its files are, `details` are the planner's.
///
/// # Errors
/// [`Illegal`] unless it is being planned.
pub fn planned(
    snapshot: &Snapshot,
    steps_created: usize,
    protocol_root: &str,
    details: Map<String, Value>,
) -> Result<Decision, Illegal> {
    let mut decision = Decision::from(snapshot);
    decision.protocol(ProtocolAction::Planned)?;
    let count = snapshot.steps.len();
    let event = NewEvent::new(EventType::Planned, format!("Planned with {count} steps."))
        .with("steps_created", steps_created)
        .with("protocol_root", protocol_root)
        .with("spec_validated", true)
        .with_all(without_engine())
        .with_all(details);
    decision.emit(event);
    Ok(decision)
}

/// The spec is wrong: the protocol waits for someone to mend it.
///
/// # Errors
/// [`Illegal`] unless it is being planned.
pub fn spec_refused(snapshot: &Snapshot, errors: &[SpecError]) -> Result<Decision, Illegal> {
    let sentences: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let message = format!("The spec is invalid: {}", sentences.join("; "));
    let event =
        NewEvent::new(EventType::SpecValidationError, message).with("errors", json!(sentences));
    planning_failed(snapshot, event)
}

/// There is neither a spec nor a step to plan with.
///
/// # Errors
/// [`Illegal`] unless it is being planned.
pub fn spec_missing(snapshot: &Snapshot) -> Result<Decision, Illegal> {
    let error = "the protocol has no spec: give template_config.protocol_spec when creating it";
    let event = NewEvent::new(
        EventType::PlanningFailed,
        format!("Planning failed: {error}"),
    )
    .with("error", error)
    .with("error_type", "SpecMissing");
    planning_failed(snapshot, event)
}

/// What `planned` says of engines where none was asked.
pub(super) fn without_engine() -> Map<String, Value> {
    let nothing = json!({"models": {}, "prompt_versions": {}, "estimated_tokens": 0});
    nothing.as_object().cloned().unwrap_or_default()
}

/// A planner has made no spec. A protocol that `has_plan` keeps it.
///
/// # Errors
/// [`Illegal`] unless it is being planned.
pub fn planner_failed(
    snapshot: &Snapshot,
    error: &str,
    error_type: &str,
    details: Map<String, Value>,
    has_plan: bool,
) -> Result<Decision, Illegal> {
    let message = format!("Planning failed: {error}");
    let event = NewEvent::new(EventType::PlanningFailed, message)
        .with("error", error)
        .with("error_type", error_type)
        .with_all(details);
    let mut decision = if has_plan {
        keeping_plan(snapshot, event)
    } else {
        planning_failed(snapshot, event)
    }?;
    no_folder::tell(
        &mut decision,
        EventType::RepoMissing,
        None,
        Some(error_type),
    );
    Ok(decision)
}

fn keeping_plan(snapshot: &Snapshot, event: NewEvent) -> Result<Decision, Illegal> {
    let mut decision = Decision::from(snapshot);
    decision.protocol(ProtocolAction::KeepPlan)?;
    decision.emit(event);
    Ok(decision)
}

fn planning_failed(snapshot: &Snapshot, event: NewEvent) -> Result<Decision, Illegal> {
    let mut decision = Decision::from(snapshot);
    decision.protocol(ProtocolAction::PlanningFailed)?;
    decision.emit(event);
    Ok(decision)
}

/// Someone stops the protocol for a while: no step is chosen; those under way go on, but planning does not.
///
/// # Errors
/// [`Illegal`] when it has ended.
pub fn pause(snapshot: &Snapshot) -> Result<Decision, Illegal> {
    let mut decision = Decision::from(snapshot);
    decision.protocol(ProtocolAction::Pause)?;
    if snapshot.status != ProtocolStatus::Paused {
        decision.note(EventType::Paused, "Protocol paused.");
    }
    Ok(decision)
}

/// A paused protocol goes on: with its steps, or, where it `is_planned` not, with its planning.
///
/// # Errors
/// [`Illegal`] unless it is paused.
pub fn resume(snapshot: &Snapshot, is_planned: bool) -> Result<Decision, Illegal> {
    let mut decision = Decision::from(snapshot);
    decision.protocol(if is_planned {
        ProtocolAction::Resume
    } else {
        ProtocolAction::ResumePlanning
    })?;
    decision.note(EventType::Resumed, "Protocol resumed.");
    Ok(decision)
}

/// Someone ends the protocol, with every step that is not done. An ended one stays as it is.
///
/// # Errors
/// None today: the table has a row for every status.
pub fn cancel(snapshot: &Snapshot) -> Result<Decision, Illegal> {
    let mut decision = Decision::from(snapshot);
    decision.protocol(ProtocolAction::Cancel)?;
    if decision.after.status == snapshot.status {
        return Ok(decision);
    }
    for step in &mut decision.after.steps {
        // What is done already stays as it is.
        let _ = step.take(StepAction::Cancel);
    }
    decision.note(EventType::Cancelled, "Protocol cancelled.");
    Ok(decision)
}

/// A step's own work begins. One that failed and is run again takes its protocol out of `blocked`; any other
/// leaves it so, since what blocked it has not been looked at.
///
/// # Errors
/// [`Refused`] where the states do not allow it, or the step still waits for others.
pub fn begin_execution(snapshot: &Snapshot, step_run_id: i64) -> Result<Decision, Refused> {
    let step = known(snapshot, step_run_id)?;
    let mut decision = Decision::from(snapshot);
    decision.protocol(match step.status {
        StepStatus::Failed | StepStatus::Blocked => ProtocolAction::RetryStep,
        _ => ProtocolAction::RunStep,
    })?;
    decision.step(step_run_id, StepAction::Execute)?;
    answers_are_there(snapshot, step_run_id, Kind::Execute)?;
    let waits_for = waits_for(snapshot, step);
    if waits_for.is_empty() {
        triggered::taken(&mut decision, step_run_id);
        Ok(decision)
    } else {
        Err(Refused::NotReady {
            step_run_id,
            waits_for,
        })
    }
}

/// A step's check begins.
///
/// # Errors
/// [`Refused`] unless the step was executed and waits for its check.
pub fn begin_qa(snapshot: &Snapshot, step_run_id: i64) -> Result<Decision, Refused> {
    known(snapshot, step_run_id)?;
    let mut decision = Decision::from(snapshot);
    decision.protocol(ProtocolAction::CheckStep)?;
    decision.step(step_run_id, StepAction::Check)?;
    answers_are_there(snapshot, step_run_id, Kind::Qa)?;
    Ok(decision)
}

/// Nobody is at work on a step any more: it may be chosen again. That is nobody's wish, and no retry.
///
/// # Errors
/// [`Refused`] where nobody was.
pub fn let_go(snapshot: &Snapshot, step_run_id: i64, why: LetGo) -> Result<Decision, Refused> {
    let step = known(snapshot, step_run_id)?;
    let mut decision = Decision::from(snapshot);
    decision.step(step_run_id, StepAction::Lapse)?;
    let lapses = step.runtime_state.get(LAPSES).and_then(Value::as_u64);
    decision.remember(step_run_id, LAPSES, lapses.unwrap_or_default() + 1);
    decision.emit(why.event(step));
    triggered::given_back(&mut decision, step_run_id);
    Ok(decision)
}

impl LetGo {
    fn event(self, step: &Step) -> NewEvent {
        let event = |event_type, what: &str| {
            let message = format!("Step {} may be chosen again: {what}.", step.name);
            NewEvent::new(event_type, message)
                .of_step(step.id)
                .with("status", step.status.as_str())
        };
        match self {
            Self::LeaseExpired {
                age_seconds,
                threshold_seconds,
            } => event(EventType::StepStuckWatchdog, "its claim was not renewed")
                .with("age_seconds", age_seconds)
                .with("threshold_seconds", threshold_seconds),
            Self::ServerLost => event(
                EventType::StepExecutionLost,
                "the server that ran it is gone",
            ),
        }
    }
}

/// Someone wants a step that failed or is blocked to be run again: it may be chosen again.
///
/// # Errors
/// [`Refused`] where it neither failed nor is blocked, or its protocol does not run steps.
pub fn retry(snapshot: &Snapshot, step_run_id: i64) -> Result<Decision, Refused> {
    let step = known(snapshot, step_run_id)?;
    let mut decision = Decision::from(snapshot);
    decision.step(step_run_id, StepAction::Retry)?;
    decision.protocol(ProtocolAction::RetryStep)?;
    let retries = step.retries + 1;
    if let Some(step) = decision.after.step_mut(step_run_id) {
        step.retries = retries;
    }
    let message = format!("Step {} may be chosen again, by someone's wish.", step.name);
    let event = NewEvent::new(EventType::StepRetryEnqueued, message)
        .of_step(step_run_id)
        .with("job_id", Value::Null)
        .with("retries", retries);
    decision.emit(event);
    Ok(decision)
}

/// The step that failed or was blocked last, by index.
pub fn last_to_retry(snapshot: &Snapshot) -> Option<i64> {
    let mut steps = snapshot.steps.iter().rev();
    let last = steps.find(|step| matches!(step.status, StepStatus::Failed | StepStatus::Blocked));
    last.map(|step| step.id)
}

/// Someone takes a step as done, whatever came of it.
///
/// # Errors
/// [`Refused`] where it is under way or done already, or its protocol has ended or is being planned.
pub fn approve(snapshot: &Snapshot, step_run_id: i64) -> Result<Decision, Refused> {
    let (action, event) = (StepAction::Approve, EventType::ManualApproval);
    settled_by_hand(snapshot, step_run_id, action, event, "approved by hand")
}

/// Someone has a step passed over: the others go on as if it were done.
///
/// # Errors
/// As [`approve`].
pub fn skip(snapshot: &Snapshot, step_run_id: i64) -> Result<Decision, Refused> {
    let (action, event) = (StepAction::Skip, EventType::StepSkipped);
    settled_by_hand(snapshot, step_run_id, action, event, "skipped by hand")
}

fn settled_by_hand(
    snapshot: &Snapshot,
    step_run_id: i64,
    action: StepAction,
    event: EventType,
    how: &str,
) -> Result<Decision, Refused> {
    let step = known(snapshot, step_run_id)?;
    let mut decision = Decision::from(snapshot);
    decision.step(step_run_id, action)?;
    decision.protocol(ProtocolAction::ApproveStep)?;
    let message = format!("Step {} {how}.", step.name);
    decision.emit(NewEvent::new(event, message).of_step(step_run_id));
    decision.unblock_when_mended();
    decision.complete_when_done();
    Ok(decision)
}

/// Whether the questions on a step's work are answered.
fn answers_are_there(snapshot: &Snapshot, step_run_id: i64, kind: Kind) -> Result<(), Refused> {
    let questions = step_awaits(snapshot, step_run_id, kind);
    if questions.is_empty() {
        return Ok(());
    }
    Err(Refused::AwaitsAnswers {
        step_run_id,
        questions: named(&questions),
    })
}

fn known(snapshot: &Snapshot, step_run_id: i64) -> Result<&Step, Refused> {
    snapshot
        .step(step_run_id)
        .ok_or(Refused::UnknownStep(step_run_id))
}
