//! What ends badly in a case.
//!
//! Always so: a run that somebody cancelled is no finding: nothing of a flow runs after that, and whoever cancelled knows.

use std::collections::HashMap;

use super::case::{Case, Outcome};
use super::known::{CLOSES, REGISTERS, known};
use super::subject::{StepInfo, Subject};
use super::trace::{Trace, TracedCall};
use crate::mill::{Ending, line_of};

/// Something that ends badly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// The step that it is about; `None` where it is about the flow.
    pub step: Option<String>,
    /// What happens, in a sentence.
    pub message: String,
    /// The case with the fewest choices in which it happens.
    pub case: Case,
}

/// What kind of thing ends badly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FindingKind {
    /// The flow failed, and no failure step saw it.
    Unhandled,
    /// A run was registered, the flow failed, and nothing closed the run.
    LeftOpen,
    /// A step ran with the result of one that had failed.
    FailedInput,
    /// The flow does not end.
    Endless,
    /// Work was done again that may not be done twice.
    Repeated,
}

impl FindingKind {
    /// The kind in a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unhandled => "unhandled-failure",
            Self::LeftOpen => "run-left-open",
            Self::FailedInput => "ran-on-failed-input",
            Self::Endless => "endless",
            Self::Repeated => "repeated-work",
        }
    }
}

/// Everything that ends badly in a case.
pub(super) fn findings(subject: &Subject, case: &Case, trace: &Trace) -> Vec<Finding> {
    let finding = |(kind, step, message): (FindingKind, Option<&str>, String)| Finding {
        kind,
        step: step.map(str::to_owned),
        message,
        case: case.clone(),
    };
    let found = endless(trace)
        .into_iter()
        .chain(unhandled(subject, trace))
        .chain(left_open(subject, trace))
        .chain(failed_inputs(subject, trace))
        .chain(repeated(subject, trace));
    found.map(finding).collect()
}

type Found<'a> = (FindingKind, Option<&'a str>, String);

fn endless(trace: &Trace) -> Option<Found<'_>> {
    let message = match &trace.ending {
        Ending::Endless => format!("the flow does not end: it began {} jobs", trace.jobs.len()),
        Ending::Stuck => "the flow waits for what never comes".to_owned(),
        Ending::Ended { .. } => return None,
    };
    Some((
        FindingKind::Endless,
        trace.calls.last().map(|call| call.step.as_str()),
        message,
    ))
}

impl Trace {
    /// Why the flow failed by itself; `None` where it did not.
    fn failure(&self) -> Option<String> {
        match &self.ending {
            Ending::Ended {
                success: false,
                canceled: false,
                result,
                ..
            } => Some(line_of(result)),
            _ => None,
        }
    }

    /// The last step that failed, the failure step aside.
    fn failed_step(&self, subject: &Subject) -> Option<&str> {
        let is_step = |call: &&TracedCall| subject.info(call).is_some_and(|info| !info.is_handler);
        let mut failed = self
            .calls
            .iter()
            .rev()
            .filter(is_step)
            .filter(|call| call.failed());
        failed.next().map(|call| call.step.as_str())
    }

    fn ran_script(&self, subject: &Subject, path: &str) -> bool {
        self.calls.iter().any(|call| call.runs(subject, path))
    }
}

impl TracedCall {
    fn failed(&self) -> bool {
        matches!(self.outcome, Outcome::Fail | Outcome::TimeOut)
            || (self.outcome == Outcome::FailOnce && self.attempt == 1)
    }

    fn runs(&self, subject: &Subject, path: &str) -> bool {
        let info = subject.info(self);
        info.is_some_and(|info| info.path.as_deref() == Some(path))
    }
}

impl Subject {
    fn info(&self, call: &TracedCall) -> Option<&StepInfo> {
        self.steps.get(&call.step)
    }
}

fn unhandled<'a>(subject: &Subject, trace: &'a Trace) -> Option<Found<'a>> {
    let why = trace.failure()?;
    let is_handler = |call: &TracedCall| {
        !call.step.contains('/') && subject.info(call).is_some_and(|info| info.is_handler)
    };
    if trace.calls.iter().any(is_handler) {
        return None;
    }
    let lacking = if subject.has_handler {
        "and its failure step does not run"
    } else {
        "and it has no failure step"
    };
    let message = format!("the flow fails, {lacking}: {why}");
    Some((FindingKind::Unhandled, trace.failed_step(subject), message))
}

fn left_open<'a>(subject: &Subject, trace: &'a Trace) -> Option<Found<'a>> {
    trace.failure()?;
    let registers = |call: &&TracedCall| !call.failed() && call.runs(subject, REGISTERS);
    let registered = trace.calls.iter().find(registers)?;
    if trace.ran_script(subject, CLOSES) {
        return None;
    }
    let message = format!(
        "`{}` registers a run, the flow fails, and no step closes the run",
        registered.step
    );
    Some((FindingKind::LeftOpen, trace.failed_step(subject), message))
}

fn failed_inputs<'a>(subject: &Subject, trace: &'a Trace) -> Vec<Found<'a>> {
    let mut failed: HashMap<&str, bool> = HashMap::new();
    let mut found = Vec::new();
    for call in &trace.calls {
        if let Some(info) = subject.info(call).filter(|info| !info.is_handler) {
            let bad = info
                .needs
                .iter()
                .find(|id| failed.get(id.as_str()) == Some(&true));
            if let Some(bad) = bad {
                let message = format!(
                    "`{}` runs with the result of `{bad}`, which has failed",
                    call.step
                );
                found.push((FindingKind::FailedInput, Some(call.step.as_str()), message));
            }
        }
        failed.insert(&call.step, call.failed());
    }
    found
}

fn repeated<'a>(subject: &Subject, trace: &'a Trace) -> Vec<Found<'a>> {
    let again = trace.calls.iter().filter(|call| call.attempt > 1);
    let found = again.filter_map(|call| {
        let path = subject.info(call)?.path.as_deref()?;
        let once = known(path).is_some_and(|known| !known.idempotent);
        let message = format!(
            "`{}` is tried again, and {path} may not be done twice",
            call.step
        );
        once.then_some((FindingKind::Repeated, Some(call.step.as_str()), message))
    });
    found.collect()
}
