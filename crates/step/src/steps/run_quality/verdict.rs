//! From what the steps came to, and what gates found, to one verdict.
//!
//! Always so: a step that is not done fails, and one whose failure can be tried again does not block.

use std::collections::BTreeMap;

use millwright_core::catalog::scripts::handle_feedback::MOST_RETRIES;
use millwright_core::catalog::scripts::run_qa::Verdict;
use millwright_core::catalog::scripts::run_quality::QualityGate;
use millwright_core::protocol::{
    Finding, GateResult, GateStatus, ProtocolRun, ProtocolStatus, QaPolicy, StepRun, StepSpec,
    StepStatus,
};
use serde::Deserialize;
use serde_json::Value;

/// A mean below this is a warning, as in the first system.
const LOW_SCORE: f64 = 0.7;
/// So many gates travel with the result, those that failed first.
const MOST_GATES: usize = 50;
/// So many findings of one gate do.
const MOST_FINDINGS: usize = 10;
/// So long may one of them be.
const LONGEST_MESSAGE: usize = 300;

/// A protocol that was judged.
#[derive(Debug)]
pub(super) struct Judged {
    /// What was looked at, the worst first where it was too much to be told.
    pub(super) gates: Vec<QualityGate>,
    /// How many there were.
    pub(super) looked_at: usize,
    /// 0 to 1.
    pub(super) score: f64,
    /// The step to begin with.
    pub(super) failed_step_run_id: Option<i64>,
    worst: GateStatus,
}

impl Judged {
    /// Judges the steps by their checks, and the whole by the gates that were run over it.
    pub(super) fn of(
        run: &ProtocolRun,
        steps: &[StepRun],
        spec: Option<&Value>,
        gates: Vec<GateResult>,
    ) -> Self {
        let policies = policies(spec);
        let of_steps = steps.iter().map(|step| of_step(step, &policies));
        let mut all: Vec<QualityGate> = of_steps.chain(gates.into_iter().map(of_gate)).collect();
        all.extend(of_whole(run, &all));
        let worst = all
            .iter()
            .map(|gate| gate.status)
            .max_by_key(|status| badness(*status));
        Self {
            score: score(&all),
            failed_step_run_id: first_bad(steps),
            worst: worst.unwrap_or(GateStatus::Failed),
            looked_at: all.len(),
            gates: bounded(all),
        }
    }

    pub(super) fn passed(&self) -> bool {
        self.worst != GateStatus::Failed
    }

    pub(super) fn verdict(&self) -> Verdict {
        match self.worst {
            GateStatus::Failed => Verdict::Fail,
            GateStatus::Warning => Verdict::Warn,
            _ if self.score < LOW_SCORE => Verdict::Warn,
            _ => Verdict::Pass,
        }
    }

    pub(super) fn blocking_failures(&self) -> Vec<String> {
        let blocking = self.gates.iter().filter(|gate| gate.blocking);
        blocking.map(|gate| gate.gate_id.clone()).collect()
    }

    pub(super) fn in_a_sentence(&self) -> String {
        let failed = self.gates.iter().filter(|gate| is_failed(gate));
        let names: Vec<&str> = failed.map(|gate| gate.name.as_str()).collect();
        let how = match self.verdict() {
            Verdict::Pass => "passed",
            Verdict::Warn => "passed with warnings",
            Verdict::Fail => "did not pass",
        };
        let which = if names.is_empty() {
            String::new()
        } else {
            format!(": {}", names.join(", "))
        };
        format!("the protocol {how}, score {:.2}{which}", self.score)
    }
}

/// What the spec says of the check of each step, by the name of its row.
fn policies(spec: Option<&Value>) -> BTreeMap<String, QaPolicy> {
    let steps = spec.and_then(|spec| spec.get("steps")?.as_array());
    let read = |entry: &Value| {
        let spec = StepSpec::deserialize(entry).ok()?;
        let name = spec.name.filter(|name| !name.is_empty());
        Some((name.unwrap_or(spec.id), spec.qa.effective()))
    };
    steps.into_iter().flatten().filter_map(read).collect()
}

fn of_step(step: &StepRun, policies: &BTreeMap<String, QaPolicy>) -> QualityGate {
    let policy = policies.get(&step.step_name).copied();
    let (status, said) = standing(step, policy);
    let used_up = step.status == StepStatus::Blocked || step.retries >= MOST_RETRIES;
    QualityGate {
        gate_id: format!("step:{}", bounded_text(&step.step_name)),
        name: format!("Step {}", bounded_text(&step.step_name)),
        status,
        blocking: status == GateStatus::Failed && used_up,
        findings: said
            .map(|said| finding(status, &said))
            .into_iter()
            .collect(),
    }
}

/// What a step came to, and what is to be said of it.
fn standing(step: &StepRun, policy: Option<QaPolicy>) -> (GateStatus, Option<String>) {
    let say = |text: &str| Some(text.to_owned());
    let verdict = step
        .runtime_state
        .as_ref()
        .and_then(|state| state.get("qa_verdict")?.get("verdict")?.as_str());
    match (step.status, verdict) {
        (StepStatus::Completed, _) if policy == Some(QaPolicy::Skip) => {
            (GateStatus::Skipped, say("the spec wants no check of it"))
        }
        (StepStatus::Completed, Some("passed")) => (GateStatus::Passed, None),
        (StepStatus::Completed, Some("warning")) => (GateStatus::Warning, step.summary.clone()),
        (StepStatus::Completed, Some(_)) => {
            let said = "its check failed, and someone took it as done";
            (GateStatus::Warning, say(said))
        }
        (StepStatus::Completed, None) => {
            let said = "it was not checked: someone took it as done";
            (GateStatus::Warning, say(said))
        }
        (StepStatus::Skipped, _) => (GateStatus::Warning, say("it was passed over")),
        (StepStatus::Cancelled, _) => (GateStatus::Skipped, say("it was cancelled")),
        (status, _) => {
            let summary = step.summary.as_deref().map(|text| format!(": {text}"));
            let said = format!("it is {status}{}", summary.unwrap_or_default());
            (GateStatus::Failed, Some(said))
        }
    }
}

/// A gate that the project names and that was not run leaves a doubt.
pub(super) fn demanded(mut result: GateResult) -> GateResult {
    if result.status == GateStatus::Skipped {
        result.status = GateStatus::Warning;
        let said = "the project demands it, and it was not run: it has no command here, or its tool is not installed";
        result.findings.push(finding(GateStatus::Warning, said));
    }
    result
}

/// A gate over the whole has no step that could be tried again.
fn of_gate(result: GateResult) -> QualityGate {
    let bounded = |finding: Finding| Finding {
        message: bounded_text(&finding.message),
        ..finding
    };
    QualityGate {
        gate_id: result.id.to_string(),
        name: result.name,
        status: result.status,
        blocking: result.status == GateStatus::Failed,
        findings: (result.findings.into_iter())
            .take(MOST_FINDINGS)
            .map(bounded)
            .collect(),
    }
}

/// What is wrong with the protocol itself.
fn of_whole(run: &ProtocolRun, gates: &[QualityGate]) -> Option<QualityGate> {
    let counted = gates.iter().any(|gate| gate.status != GateStatus::Skipped);
    let (status, said) = match run.status {
        ProtocolStatus::Cancelled | ProtocolStatus::Failed => (
            GateStatus::Failed,
            format!("the protocol is {}", run.status),
        ),
        _ if gates.is_empty() => (GateStatus::Failed, "it has no steps".to_owned()),
        _ if !counted => (GateStatus::Warning, "nothing in it was checked".to_owned()),
        _ => return None,
    };
    Some(QualityGate {
        gate_id: "protocol".to_owned(),
        name: "The protocol".to_owned(),
        status,
        blocking: status == GateStatus::Failed,
        findings: vec![finding(status, &said)],
    })
}

/// The step that is to be tried again: the first that failed, else the first that is blocked, else the first that is not done.
fn first_bad(steps: &[StepRun]) -> Option<i64> {
    let first = |wanted: &dyn Fn(StepStatus) -> bool| {
        let found = steps.iter().find(|step| wanted(step.status));
        found.map(|step| step.id)
    };
    first(&|status| status == StepStatus::Failed)
        .or_else(|| first(&|status| status == StepStatus::Blocked))
        .or_else(|| first(&|status| !status.is_done()))
}

fn score(gates: &[QualityGate]) -> f64 {
    let worth = |gate: &QualityGate| match gate.status {
        GateStatus::Passed => Some(1.0),
        GateStatus::Warning => Some(0.5),
        GateStatus::Failed => Some(0.0),
        GateStatus::Skipped => None,
    };
    let (sum, count) = gates
        .iter()
        .filter_map(worth)
        .fold((0.0, 0.0), |(sum, count), worth| (sum + worth, count + 1.0));
    sum / f64::max(count, 1.0)
}

/// Those that failed stay, in their order, then those with a warning, then the others, as far as there is room.
fn bounded(mut gates: Vec<QualityGate>) -> Vec<QualityGate> {
    if gates.len() > MOST_GATES {
        gates.sort_by_key(|gate| std::cmp::Reverse((gate.blocking, badness(gate.status))));
        gates.truncate(MOST_GATES);
    }
    gates
}

fn badness(status: GateStatus) -> u8 {
    match status {
        GateStatus::Skipped => 0,
        GateStatus::Passed => 1,
        GateStatus::Warning => 2,
        GateStatus::Failed => 3,
    }
}

fn is_failed(gate: &QualityGate) -> bool {
    gate.status == GateStatus::Failed
}

fn finding(status: GateStatus, message: &str) -> Finding {
    let severity = match status {
        GateStatus::Failed => "error",
        GateStatus::Warning => "warning",
        GateStatus::Passed | GateStatus::Skipped => "info",
    };
    Finding {
        severity: severity.to_owned(),
        message: bounded_text(message),
        file: None,
        line: None,
        rule_id: None,
        suggestion: None,
    }
}

/// The beginning of a text.
fn bounded_text(text: &str) -> String {
    let end = text.floor_char_boundary(LONGEST_MESSAGE);
    let more = if end < text.len() { "…" } else { "" };
    format!("{}{more}", &text[..end])
}
