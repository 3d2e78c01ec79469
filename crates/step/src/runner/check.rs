//! A step's check: gates first, then the engine that judges.
//!
//! Always so: without a clear verdict the check has failed, and the report says why.

use std::time::Instant;

use millwright_core::protocol::{
    Begun, Gate, GateResult, GateStatus, QaReport, QaVerdict, Report, StepRun, Telemetry,
    parse_verdict,
};

use super::execute::{note_engine, note_usage};
use super::port::PortError;
use super::resolve::{ResolveError, Resolver};
use super::{REPORT_FILE, Runner, gates, lease, telemetry};
use crate::engine::EngineError;
use crate::files::write_whole;

/// A check that was made and reported.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The step as it stands after the report.
    pub step: StepRun,
    /// What was reported.
    pub report: QaReport,
}

/// What the judging engine came to.
struct Judgement {
    verdict: Option<QaVerdict>,
    summary: String,
    error_type: Option<String>,
}

impl Runner<'_> {
    /// Checks a step and reports. Without a list, the gates that the project configures are run.
    ///
    /// # Errors
    /// [`PortError`] where the report was not taken; a verdict is no error, whatever it is.
    pub fn check(&self, begun: &Begun, gates: Option<&[Gate]>) -> Result<Checked, PortError> {
        lease::held(&begun.claim, self.port, self.cancel, || {
            self.check_now(begun, gates, false)
        })
    }

    /// The same under a claim that is being renewed already.
    pub(super) fn check_now(
        &self,
        begun: &Begun,
        gates: Option<&[Gate]>,
        inline: bool,
    ) -> Result<Checked, PortError> {
        let clock = Instant::now();
        let mut telemetry = telemetry(begun, self.settings);
        let mut gate_results = Vec::new();
        let judgement = match Resolver::of(&begun.assignment, self.settings) {
            Ok(resolver) => {
                if !inline || gates.is_some() {
                    gate_results = self.run_gates(&resolver, begun, gates);
                }
                self.judge(&resolver, &gate_results, &mut telemetry)
            }
            Err(error) => Judgement::impossible(&error),
        };
        telemetry.duration_seconds = Some(clock.elapsed().as_secs_f64());
        let report = QaReport {
            gates: gate_results,
            inline,
            error_type: judgement.error_type,
            telemetry,
            ..QaReport::of(judgement.verdict, judgement.summary)
        };
        self.say(format!("millwright: {}", report.summary));
        let step = self.report(begun, &Report::Checked(report.clone()))?;
        Ok(Checked { step, report })
    }

    fn run_gates(
        &self,
        resolver: &Resolver<'_>,
        begun: &Begun,
        asked: Option<&[Gate]>,
    ) -> Vec<GateResult> {
        let commands = &begun.assignment.defaults.gates;
        let configured: Vec<Gate> = commands.keys().copied().collect();
        let limit = self.settings.limit(resolver.spec.timeout_seconds);
        let workspace = &resolver.places.workspace;
        asked
            .unwrap_or(&configured)
            .iter()
            .map(|gate| match commands.get(gate) {
                Some(Some(command)) => {
                    gates::run(*gate, command, workspace, limit, &self.control())
                }
                Some(None) | None => gates::skipped(*gate),
            })
            .collect()
    }

    fn judge(
        &self,
        resolver: &Resolver<'_>,
        gates: &[GateResult],
        telemetry: &mut Telemetry,
    ) -> Judgement {
        if self.cancel.is_cancelled() {
            return Judgement::stopped();
        }
        let of_gates = QaVerdict::of_gates(gates);
        if of_gates == QaVerdict::Failed {
            return Judgement::by_gates(gates);
        }
        let report_file = resolver.places.protocol_root.join(REPORT_FILE);
        let run = resolver
            .outputs()
            .and_then(|outputs| resolver.check(self.engines, &outputs, &report_file));
        let run = match run {
            Ok(run) => run,
            Err(error) => return Judgement::impossible(&error),
        };
        note_engine(telemetry, &run, "qa");
        match run.engine.run(&run.task, &self.control()) {
            Ok(yielded) => {
                note_usage(telemetry, &yielded);
                if let Err(reason) = write_whole(&report_file, &yielded.output) {
                    let path = report_file.display();
                    return Judgement::failed(
                        format!("the report {path} cannot be written: {reason}"),
                        "ReportNotWritten",
                    );
                }
                Judgement::by_report(&String::from_utf8_lossy(&yielded.output), of_gates)
            }
            Err(EngineError::Cancelled) => Judgement::stopped(),
            Err(error) => Judgement::failed(error.to_string(), error.kind()),
        }
    }
}

impl Judgement {
    fn by_report(report: &str, of_gates: QaVerdict) -> Self {
        let (verdict, summary) = match parse_verdict(report) {
            Some(QaVerdict::Failed) => (QaVerdict::Failed, "the report's verdict is FAIL"),
            Some(_) if of_gates == QaVerdict::Warning => (
                QaVerdict::Warning,
                "the report's verdict is PASS, and a gate has a warning",
            ),
            Some(_) => (QaVerdict::Passed, "the report's verdict is PASS"),
            None => (
                QaVerdict::Failed,
                "the report has no line `VERDICT: PASS` or `VERDICT: FAIL`, which counts as FAIL",
            ),
        };
        Self {
            verdict: Some(verdict),
            summary: summary.to_owned(),
            error_type: None,
        }
    }

    fn by_gates(gates: &[GateResult]) -> Self {
        let failed = gates
            .iter()
            .filter(|gate| gate.status == GateStatus::Failed);
        let names: Vec<&str> = failed.map(|gate| gate.id.as_str()).collect();
        Self {
            verdict: Some(QaVerdict::Failed),
            summary: format!("gates failed: {}", names.join(", ")),
            error_type: None,
        }
    }

    fn impossible(error: &ResolveError) -> Self {
        Self::failed(error.to_string(), error.kind())
    }

    fn failed(summary: String, kind: &str) -> Self {
        Self {
            verdict: Some(QaVerdict::Failed),
            summary,
            error_type: Some(kind.to_owned()),
        }
    }

    fn stopped() -> Self {
        Self {
            verdict: None,
            summary: "the check was stopped".to_owned(),
            error_type: None,
        }
    }
}
