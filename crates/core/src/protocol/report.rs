//! Outcomes, as those who work on a step report them, and what is decided from them.
//!
//! Always so: the one who works never writes a status; it says what happened, and the decision is made here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::auto_fix::{AUTO_FIX_ATTEMPTS, AutoFixReport, AutoFixStage, auto_fix};
use super::clarification::hold_back;
use super::codemachine_step;
use super::no_folder;
use super::policy::{Reason, apply_policies, apply_triggers, triggered};
use super::telemetry::spend;
use super::{
    Decision, EventType, FailureKind, GateResult, Kind, NewEvent, QaPolicy, QaVerdict, Refused,
    Snapshot, StepAction, Telemetry,
};
use crate::refs::UpsertArtifact;

/// What the holder of a claim reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "report", rename_all = "snake_case")]
pub enum Report {
    /// The engine is about to begin.
    Started(Telemetry),
    /// The step's own work has ended.
    Executed(ExecutionReport),
    /// Its check has ended.
    Checked(QaReport),
    /// What its check found is being mended, by an engine.
    AutoFix(AutoFixReport),
}

/// How the step's own work ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExecutionReport {
    /// Well or not.
    pub outcome: ExecutionOutcome,
    /// The same in a sentence.
    pub summary: String,
    /// What kind of failure it was, such as `EngineFailed`.
    pub error_type: Option<String>,
    /// What was used and spent.
    pub telemetry: Telemetry,
    /// The files that it left, for the run that it belongs to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<UpsertArtifact>,
}

/// How an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExecutionOutcome {
    /// The engine did its work and the outputs are written.
    Succeeded,
    /// It did not.
    Failed,
    /// The step's entry in the spec, or what it names, is wrong; nothing ran.
    SpecInvalid,
    /// The tokens that it may spend are spent; no policy sends it back.
    OverBudget,
    /// Someone stopped it.
    Cancelled,
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QaReport {
    /// What it came to; null when someone stopped it.
    pub verdict: Option<QaVerdict>,
    /// The same in a sentence.
    pub summary: String,
    /// The gates that were asked for.
    pub gates: Vec<GateResult>,
    /// Whether it ran right after the step.
    pub inline: bool,
    /// What kind of failure it was, where the check itself could not be done.
    pub error_type: Option<String>,
    /// What kind of failure the gates or the report tell of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureKind>,
    /// How often it was mended before.
    #[serde(default)]
    pub auto_fix_attempts: u32,
    /// Whether the report failed, and passes since nothing but the protocol's own files has changed.
    #[serde(default)]
    pub protocol_only: bool,
    /// What was used and spent.
    pub telemetry: Telemetry,
    /// The files that it left, for the run that it belongs to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<UpsertArtifact>,
}

impl Report {
    /// What was spent for good, where the work is over.
    pub fn spending(&self) -> Option<&Telemetry> {
        let is_over = match self {
            Self::Started(_) => false,
            Self::Executed(_) | Self::Checked(_) => true,
            Self::AutoFix(report) => report.stage != AutoFixStage::Attempt,
        };
        is_over.then(|| self.telemetry())
    }

    /// What was used and spent.
    pub fn telemetry(&self) -> &Telemetry {
        match self {
            Self::Started(telemetry) => telemetry,
            Self::Executed(report) => &report.telemetry,
            Self::Checked(report) => &report.telemetry,
            Self::AutoFix(report) => &report.telemetry,
        }
    }

    /// The report that someone stopped the work.
    pub fn stopped(kind: Kind, summary: impl Into<String>) -> Self {
        match kind {
            Kind::Execute => {
                Self::Executed(ExecutionReport::of(ExecutionOutcome::Cancelled, summary))
            }
            Kind::Qa => Self::Checked(QaReport::of(None, summary)),
        }
    }
}

impl ExecutionReport {
    /// A report that says no more than this.
    pub fn of(outcome: ExecutionOutcome, summary: impl Into<String>) -> Self {
        Self {
            outcome,
            summary: summary.into(),
            error_type: None,
            telemetry: Telemetry::default(),
            artifacts: Vec::new(),
        }
    }
}

impl QaReport {
    /// A report that says no more than this.
    pub fn of(verdict: Option<QaVerdict>, summary: impl Into<String>) -> Self {
        Self {
            verdict,
            summary: summary.into(),
            gates: Vec::new(),
            inline: false,
            error_type: None,
            failure: None,
            auto_fix_attempts: 0,
            protocol_only: false,
            telemetry: Telemetry::default(),
            artifacts: Vec::new(),
        }
    }
}

/// Decides what follows from a report on a step.
///
/// # Errors
/// [`Refused`] where the step is unknown or its state does not take such a report.
pub fn reported(
    snapshot: &Snapshot,
    step_run_id: i64,
    report: &Report,
) -> Result<Decision, Refused> {
    let decision = match report {
        Report::Started(telemetry) => started(snapshot, step_run_id, telemetry),
        Report::Executed(report) => executed(snapshot, step_run_id, report),
        Report::Checked(report) => checked(snapshot, step_run_id, report),
        Report::AutoFix(report) => auto_fix(snapshot, step_run_id, report),
    }?;
    Ok(decision.telling_of(step_run_id, report.telemetry()))
}

fn started(snapshot: &Snapshot, id: i64, telemetry: &Telemetry) -> Result<Decision, Refused> {
    let mut decision = Decision::from(snapshot);
    let name = &snapshot.step(id).ok_or(Refused::UnknownStep(id))?.name;
    let event = NewEvent::new(EventType::StepStarted, format!("Step {name} started."));
    decision.emit(event.of_step(id));
    warn_of_budget(&mut decision, id, telemetry);
    Ok(decision)
}

/// A budget that only warns is told of once: when the step's own work begins, and when a check is over.
fn warn_of_budget(decision: &mut Decision, id: i64, telemetry: &Telemetry) {
    if let Some(warning) = &telemetry.budget_warning {
        let event = NewEvent::new(EventType::BudgetWarning, warning.as_str());
        decision.emit(event.of_step(id));
    }
}

fn executed(snapshot: &Snapshot, id: i64, report: &ExecutionReport) -> Result<Decision, Refused> {
    let mut decision = Decision::from(snapshot);
    let step = snapshot.step(id).ok_or(Refused::UnknownStep(id))?;
    let event = |event_type, what: &str| {
        NewEvent::new(event_type, format!("Step {} {what}", step.name)).of_step(id)
    };
    let failure = |event: NewEvent| {
        event.with_all(failure_entries(&report.summary, report.error_type.as_ref()))
    };
    match report.outcome {
        ExecutionOutcome::Succeeded => {
            let event = event(EventType::StepCompleted, "executed.");
            // What ran was found in a spec, which was validated before.
            decision.emit(event.with("spec_validated", true));
            codemachine_step::completed(&mut decision, step, &report.telemetry);
            triggered::executed(&mut decision, id);
            decision.forget(id, AUTO_FIX_ATTEMPTS);
            executed_well(&mut decision, id, step.qa)?;
        }
        ExecutionOutcome::Failed => {
            decision.step(id, StepAction::FailExecution)?;
            decision.emit(failure(event(EventType::StepExecutionFailed, "failed.")));
            let kind = report.error_type.as_deref();
            no_folder::tell(&mut decision, EventType::RepoMissing, Some(id), kind);
            codemachine_step::failed(&mut decision, step, &report.telemetry);
            triggered::failed(&mut decision, id);
            apply_policies(&mut decision, id, Reason::ExecFailed);
        }
        ExecutionOutcome::SpecInvalid => {
            decision.step(id, StepAction::FailExecution)?;
            let event = event(EventType::SpecValidationError, "has an invalid spec.");
            decision.emit(failure(event).with("step", step.name.as_str()));
            triggered::failed(&mut decision, id);
            decision.block();
        }
        ExecutionOutcome::OverBudget => {
            decision.step(id, StepAction::FailExecution)?;
            let event = event(EventType::StepExecutionFailed, "is over its budget.");
            decision.emit(failure(event));
            codemachine_step::failed(&mut decision, step, &report.telemetry);
            triggered::failed(&mut decision, id);
            decision.block();
        }
        ExecutionOutcome::Cancelled => {
            decision.step(id, StepAction::Lapse)?;
            decision.emit(event(EventType::StepExecutionCancelled, "was stopped."));
            triggered::stopped(&mut decision, id);
        }
    }
    summarise(&mut decision, id, &report.summary);
    spend(&mut decision, id, &report.telemetry);
    Ok(decision)
}

fn executed_well(decision: &mut Decision, id: i64, policy: QaPolicy) -> Result<(), Refused> {
    if policy != QaPolicy::Skip {
        decision.step(id, StepAction::AwaitQa)?;
        apply_triggers(decision, id, Reason::ExecCompleted);
        if policy == QaPolicy::Light {
            // Its check would follow at once. One that is work of its own is held back when that begins.
            hold_back(decision, id, Kind::Qa)?;
        }
        return Ok(());
    }
    decision.step(id, StepAction::Complete)?;
    apply_triggers(decision, id, Reason::ExecCompleted);
    let event = NewEvent::new(
        EventType::QaSkippedPolicy,
        "The spec says that the step is not checked.",
    );
    decision.emit(event.of_step(id).with("policy", policy.as_str()));
    apply_triggers(decision, id, Reason::QaPassed);
    decision.complete_when_done();
    Ok(())
}

fn checked(snapshot: &Snapshot, id: i64, report: &QaReport) -> Result<Decision, Refused> {
    let mut decision = Decision::from(snapshot);
    let step = snapshot.step(id).ok_or(Refused::UnknownStep(id))?;
    let Some(verdict) = report.verdict else {
        decision.step(id, StepAction::Lapse)?;
        let event = NewEvent::new(
            EventType::StepExecutionCancelled,
            format!("The check of {} was stopped.", step.name),
        );
        decision.emit(event.of_step(id));
        return Ok(decision);
    };
    warn_of_budget(&mut decision, id, &report.telemetry);
    decision.remember(id, "qa_verdict", verdict_on_record(verdict, report));
    summarise(&mut decision, id, &report.summary);
    spend(&mut decision, id, &report.telemetry);
    let passed = verdict != QaVerdict::Failed;
    if report.error_type.is_some() {
        let event_type = if report.inline {
            EventType::QaInlineError
        } else {
            EventType::QaError
        };
        decision.emit(qa_event(event_type, &step.name, id, report));
        let kind = report.error_type.as_deref();
        no_folder::tell(&mut decision, EventType::QaBlockedRepo, Some(id), kind);
    }
    if report.protocol_only {
        decision.emit(qa_event(
            EventType::QaDowngradedProtocolOnly,
            &step.name,
            id,
            report,
        ));
    }
    let event_type = match (passed, report.inline) {
        (true, false) => EventType::QaPassed,
        (true, true) => EventType::QaPassedInline,
        (false, false) => EventType::QaFailed,
        (false, true) => EventType::QaFailedInline,
    };
    if passed {
        decision.step(id, StepAction::PassQa)?;
        decision.emit(qa_event(event_type, &step.name, id, report));
        apply_triggers(&mut decision, id, Reason::QaPassed);
        decision.complete_when_done();
    } else {
        decision.step(id, StepAction::FailQa)?;
        decision.emit(qa_event(event_type, &step.name, id, report));
        apply_policies(&mut decision, id, Reason::QaFailed);
    }
    Ok(decision)
}

fn qa_event(event_type: EventType, name: &str, id: i64, report: &QaReport) -> NewEvent {
    let event = NewEvent::new(event_type, format!("QA of {name}: {}", report.summary))
        .of_step(id)
        .with("step_run_id", id);
    let event = if report.inline {
        let (engine, model) = (&report.telemetry.engine_id, &report.telemetry.model);
        event
            .with("qa_engine_id", engine.clone())
            .with("qa_model", model.clone())
    } else {
        event
    };
    let event = match report.auto_fix_attempts {
        0 => event,
        attempts => event.with("auto_fix_attempts", attempts),
    };
    match (&report.error_type, report.failure) {
        (Some(_), _) => {
            event.with_all(failure_entries(&report.summary, report.error_type.as_ref()))
        }
        (None, Some(failure)) => event.with("error_type", failure.as_str()),
        (None, None) => event,
    }
}

fn verdict_on_record(verdict: QaVerdict, report: &QaReport) -> Value {
    let findings: usize = report.gates.iter().map(|gate| gate.findings.len()).sum();
    let gates: Map<String, Value> = report
        .gates
        .iter()
        .map(|gate| (gate.id.as_str().to_owned(), gate.status.as_str().into()))
        .collect();
    json!({
        "verdict": verdict,
        "duration_seconds": report.telemetry.duration_seconds,
        "gate_count": report.gates.len(),
        "findings_count": findings,
        "gates": gates,
    })
}

fn summarise(decision: &mut Decision, id: i64, summary: &str) {
    if let Some(step) = decision.after.step_mut(id) {
        step.summary = Some(summary.to_owned());
    }
}

fn failure_entries(error: &str, error_type: Option<&String>) -> Map<String, Value> {
    let mut entries = Map::new();
    entries.insert("error".to_owned(), error.into());
    entries.insert("error_type".to_owned(), json!(error_type));
    entries
}
