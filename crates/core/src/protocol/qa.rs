//! Checks: gates, verdicts, and what an engine's report says.
//!
//! Always so: without a clear `VERDICT: PASS` a report is a failure, and a gate that did not run is `skipped`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{StepStatus, words::words};

words! {
    /// What a check came to.
    QaVerdict is a "verdict" {
        /// All is well.
        Passed = "passed",
        /// Well enough, with something to look at.
        Warning = "warning",
        /// Not well.
        Failed = "failed",
    }
}

words! {
    /// A check by a tool instead of an engine.
    Gate is a "gate" {
        /// The linter.
        Lint = "lint",
        /// The type checker.
        Type = "type",
        /// The tests.
        Test = "test",
    }
}

words! {
    /// What a gate came to.
    GateStatus is a "status of a gate" {
        /// Its tool found nothing.
        Passed = "passed",
        /// Its tool found something that does not matter much.
        Warning = "warning",
        /// Its tool found something.
        Failed = "failed",
        /// It did not run.
        Skipped = "skipped",
    }
}

/// Something that a gate found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Finding {
    /// How bad it is: `error`, `warning` or `info`.
    pub severity: String,
    /// What it is.
    pub message: String,
    /// The file.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The tool's name for the rule.
    pub rule_id: Option<String>,
    /// What to do.
    pub suggestion: Option<String>,
}

/// What a gate came to, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GateResult {
    /// The gate.
    pub id: Gate,
    /// Its name for a person.
    pub name: String,
    /// What it came to.
    pub status: GateStatus,
    /// What it found.
    pub findings: Vec<Finding>,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QaResult {
    /// What it came to.
    pub verdict: QaVerdict,
    /// The same in a sentence.
    pub summary: String,
    /// The gates that were asked for.
    pub gates: Vec<GateResult>,
    /// How the step stands after the policies decided.
    pub step_status: StepStatus,
}

/// The verdict that an engine's report gives: its last line that begins with `VERDICT`, in any case.
/// `FAIL` in it fails, else `PASS` passes; without either, and without such a line, there is none.
pub fn parse_verdict(report: &str) -> Option<QaVerdict> {
    let line = report
        .lines()
        .rev()
        .map(|line| line.trim().to_uppercase())
        .find(|line| line.starts_with("VERDICT"))?;
    if line.contains("FAIL") {
        Some(QaVerdict::Failed)
    } else if line.contains("PASS") {
        Some(QaVerdict::Passed)
    } else {
        None
    }
}

impl QaVerdict {
    /// The verdict of the gates alone: a gate that did not run says nothing.
    pub fn of_gates(gates: &[GateResult]) -> Self {
        let any = |status| gates.iter().any(|gate| gate.status == status);
        if any(GateStatus::Failed) {
            Self::Failed
        } else if any(GateStatus::Warning) {
            Self::Warning
        } else {
            Self::Passed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_verdict_line_decides() {
        for (report, expected) in [
            ("VERDICT: PASS", Some(QaVerdict::Passed)),
            (
                "fine\n  verdict: pass  \n\nsee above\n",
                Some(QaVerdict::Passed),
            ),
            ("VERDICT: PASS\nVERDICT: FAIL", Some(QaVerdict::Failed)),
            (
                "VERDICT: FAIL (tests pass, lint fails)",
                Some(QaVerdict::Failed),
            ),
            ("VERDICT: maybe", None),
            ("all tests PASS", None),
            ("", None),
        ] {
            assert_eq!(parse_verdict(report), expected, "{report:?}");
        }
    }
}
