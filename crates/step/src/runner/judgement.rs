//! What a check came to, before it is reported.
//!
//! Always so: without a clear verdict the check has failed, and the summary says why.

use millwright_core::protocol::{
    FailureKind, GateResult, GateStatus, QaVerdict, classify, parse_verdict,
};

use super::findings::bounded;
use super::gates;
use super::resolve::ResolveError;
use crate::workspace::WorkspaceError;

/// So long a summary may be, which travels with the result.
const LONGEST_SUMMARY: usize = 4 * 1024;

/// So much of the end of a report is looked through for the kind of its failure, and handed on to whoever mends it.
const LONGEST_FINDINGS: usize = 256 * 1024;

/// What a check came to.
pub(super) struct Judgement {
    /// None where it was stopped.
    pub(super) verdict: Option<QaVerdict>,
    pub(super) summary: String,
    /// What kind of failure it was, where the check itself could not be made.
    pub(super) error_type: Option<String>,
    /// What kind of failure it tells of.
    pub(super) failure: Option<FailureKind>,
    /// What it found, for whoever mends it.
    pub(super) findings: String,
    /// Whether it passes for no other reason than that nothing but the protocol's own files has changed.
    pub(super) protocol_only: bool,
}

impl Judgement {
    /// By an engine's report, where no gate has failed.
    pub(super) fn by_report(report: &str, of_gates: QaVerdict) -> Self {
        let (verdict, summary) = match parse_verdict(report) {
            Some(QaVerdict::Failed) => (QaVerdict::Failed, "the report's verdict is FAIL"),
            Some(_) if of_gates == QaVerdict::Warning => (
                QaVerdict::Warning,
                "the report's verdict is PASS, and a gate has a warning",
            ),
            Some(_) => (QaVerdict::Passed, "the report's verdict is PASS"),
            None if report.trim().is_empty() => (
                QaVerdict::Failed,
                "the report is empty, which counts as FAIL",
            ),
            None => (
                QaVerdict::Failed,
                "the report has no line `VERDICT: PASS` or `VERDICT: FAIL`, which counts as FAIL",
            ),
        };
        let failed = parse_verdict(report) == Some(QaVerdict::Failed);
        let start = report.len().saturating_sub(LONGEST_FINDINGS);
        let end = &report[report.ceil_char_boundary(start)..];
        Self {
            failure: failed.then(|| classify(end)),
            findings: end.to_owned(),
            ..Self::of(Some(verdict), summary.to_owned())
        }
    }

    /// By gates that have failed.
    pub(super) fn by_gates(results: &[GateResult]) -> Self {
        let failed = results
            .iter()
            .filter(|gate| gate.status == GateStatus::Failed);
        let names: Vec<&str> = failed.map(|gate| gate.id.as_str()).collect();
        let summary = format!("gates failed: {}", names.join(", "));
        Self {
            failure: gates::failure_of(results),
            findings: gates::as_text(results),
            ..Self::of(Some(QaVerdict::Failed), summary)
        }
    }

    /// A failure that passes, since nothing but the protocol's own files has changed.
    pub(super) fn downgraded(self) -> Self {
        Self {
            verdict: Some(QaVerdict::Passed),
            summary: format!(
                "{}, but only files below .protocols/ have changed",
                self.summary
            ),
            failure: None,
            protocol_only: true,
            ..self
        }
    }

    /// There is no folder to check in, or what the check changed cannot be merged.
    pub(super) fn unprepared(error: &WorkspaceError) -> Self {
        Self::failed(&error.to_string(), error.kind())
    }

    /// The check could not begin.
    pub(super) fn impossible(error: &ResolveError) -> Self {
        Self::failed(&error.to_string(), error.kind())
    }

    /// The check could not be made.
    pub(super) fn failed(summary: &str, kind: &str) -> Self {
        Self {
            error_type: Some(kind.to_owned()),
            ..Self::of(
                Some(QaVerdict::Failed),
                bounded(summary, LONGEST_SUMMARY).to_owned(),
            )
        }
    }

    /// Someone stopped it.
    pub(super) fn stopped() -> Self {
        Self::of(None, "the check was stopped".to_owned())
    }

    fn of(verdict: Option<QaVerdict>, summary: String) -> Self {
        Self {
            verdict,
            summary,
            error_type: None,
            failure: None,
            findings: String::new(),
            protocol_only: false,
        }
    }
}
