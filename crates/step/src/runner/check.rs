//! A step's check: gates first, then the engine that judges.
//!
//! Always so: a full check is made again after each mending, whole, and what is reported is the last one.

use std::path::{Path, PathBuf};
use std::time::Instant;

use millwright_core::protocol::{
    Begun, Gate, GateResult, QaReport, QaVerdict, Report, Spent, StepRun, Telemetry,
};
use millwright_core::refs::UpsertArtifact;

use super::budget::OverBudget;
use super::git::Repository;
use super::input::Input;
use super::judgement::Judgement;
use super::outputs::file_name;
use super::port::PortError;
use super::resolve::{EngineRun, Resolver};
use super::tokens::{note_engine, note_usage};
use super::{Runner, artifacts, context, gates, lease, telemetry};
use crate::engine::EngineError;
use crate::files::write_whole;
use crate::workspace::{self, Changes, Workspace, WorkspaceError};

/// Where the last report of any step is found, beside each step's own.
pub(super) const LAST_REPORT: &str = "quality-report.md";

/// A check that was made and reported.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The step as it stands after the report.
    pub step: StepRun,
    /// What was reported.
    pub report: QaReport,
}

/// A check that goes on.
pub(super) struct Check<'c> {
    pub(super) runner: &'c Runner<'c>,
    pub(super) begun: &'c Begun,
    pub(super) resolver: &'c Resolver<'c>,
    /// Where its report is written.
    pub(super) report_file: PathBuf,
    pub(super) telemetry: Telemetry,
    /// How often what it found was mended.
    pub(super) attempts: u32,
    gates: Option<&'c [Gate]>,
    inline: bool,
    workspace: &'c Workspace,
    /// What the step has committed.
    changes: Changes,
    /// What was spent beside it.
    pub(super) spent: Spent,
}

/// One round of a check: until it is mended, or for good.
pub(super) struct Round {
    pub(super) gates: Vec<GateResult>,
    pub(super) judgement: Judgement,
    report: Option<UpsertArtifact>,
}

impl Runner<'_> {
    /// Checks a step and reports. Without a list, the gates that the step names are run, else all that the project has.
    ///
    /// # Errors
    /// [`PortError`] where the report was not taken; a verdict is no error, whatever it is.
    pub fn check(&self, begun: &Begun, gates: Option<&[Gate]>) -> Result<Checked, PortError> {
        lease::held(&begun.claim, self.port, self.cancel, || {
            let spent = begun.assignment.spent;
            let prepared = workspace::prepare(begun, &self.settings.workspace, self.log);
            match &prepared {
                Ok((begun, workspace)) => self.check_now(begun, Ok(workspace), gates, false, spent),
                Err(error) => self.check_now(begun, Err(error), gates, false, spent),
            }
        })
    }

    /// The same under a claim that is being renewed already.
    pub(super) fn check_now(
        &self,
        begun: &Begun,
        workspace: Result<&Workspace, &WorkspaceError>,
        gates: Option<&[Gate]>,
        inline: bool,
        spent: Spent,
    ) -> Result<Checked, PortError> {
        let clock = Instant::now();
        let mut telemetry = telemetry(begun, self.settings);
        let resolver = |workspace| (workspace, Resolver::of(&begun.assignment, self.settings));
        let without = |judgement, telemetry| QaReport {
            telemetry,
            ..Round::of(judgement).into_report()
        };
        let mut report = match workspace.map(resolver) {
            Ok((workspace, Ok(resolver))) => {
                telemetry.protocol_root_made = resolver.made(workspace);
                Check {
                    runner: self,
                    begun,
                    resolver: &resolver,
                    report_file: report_file(
                        &resolver.places.protocol_root,
                        &begun.assignment.step_name,
                    ),
                    telemetry,
                    attempts: begun.assignment.auto_fix_attempts,
                    gates,
                    inline,
                    workspace,
                    changes: workspace.changes(),
                    spent,
                }
                .made()?
            }
            Ok((_, Err(error))) => without(Judgement::impossible(&error), telemetry),
            Err(error) => without(Judgement::unprepared(error), telemetry),
        };
        if let Ok(workspace) = workspace {
            self.publish(workspace, &mut report);
        }
        // What a fix has changed counts only once it is merged.
        let message = format!("Check of {}", begun.assignment.step_name);
        if let Some(Err(error)) = workspace.ok().map(|workspace| workspace.settle(&message)) {
            report = without(Judgement::unprepared(&error), report.telemetry);
        }
        if let Ok(workspace) = workspace {
            let outputs = report.telemetry.outputs.take();
            report.telemetry.outputs = outputs.map(|outputs| workspace.published(outputs));
        }
        report.inline = inline;
        report.telemetry.duration_seconds = Some(clock.elapsed().as_secs_f64());
        self.say(format!("millwright: {}", report.summary));
        let step = self.report(begun, &Report::Checked(report.clone()))?;
        Ok(Checked { step, report })
    }
}

impl Runner<'_> {
    /// Brings a check's report to where the protocol's reports are.
    fn publish(&self, workspace: &Workspace, report: &mut QaReport) {
        for artifact in &mut report.artifacts {
            let own = Path::new(&artifact.path);
            let last = own.with_file_name(LAST_REPORT);
            let published = workspace.publish(own);
            match published.and_then(|path| workspace.publish(&last).map(|_| path)) {
                Ok(path) => artifact.path = path.display().to_string(),
                Err(error) => self.say(format!(
                    "millwright: warning: the report stays in {}: {error}",
                    artifact.path
                )),
            }
        }
    }
}

impl<'c> Check<'c> {
    /// Checks, and mends and checks again as long as that may help.
    fn made(mut self) -> Result<QaReport, PortError> {
        context::tell_current_step(&self.resolver.places, &self.begun.assignment.step_name);
        loop {
            let mut round = self.round();
            if self.inline || !self.mend(&round)? {
                if self.runner.cancel.is_cancelled() {
                    round = Round::of(Judgement::stopped());
                }
                return Ok(QaReport {
                    auto_fix_attempts: self.attempts,
                    telemetry: self.telemetry,
                    ..round.into_report()
                });
            }
        }
    }

    fn round(&mut self) -> Round {
        let gates = match self.run_gates() {
            Ok(gates) => gates,
            Err(error) => return Round::of(Judgement::unprepared(&error)),
        };
        if self.runner.cancel.is_cancelled() {
            return Round::of(Judgement::stopped());
        }
        let (judgement, report) = match QaVerdict::of_gates(&gates) {
            QaVerdict::Failed => {
                let judgement = Judgement::by_gates(&gates);
                let text = format!(
                    "# Quality report\n\n{}\nVERDICT: FAIL\n",
                    judgement.findings
                );
                (judgement, self.write_report(text.as_bytes()).ok())
            }
            of_gates => self.judge(of_gates, &gates),
        };
        Round {
            gates,
            judgement,
            report,
        }
    }

    /// Runs the gates; what they leave behind is no part of the work.
    fn run_gates(&self) -> Result<Vec<GateResult>, WorkspaceError> {
        let defaults = &self.begun.assignment.defaults;
        let workspace = &self.resolver.places.workspace;
        let spec = &self.resolver.spec;
        let named = self.gates.or(spec.qa.gates.as_deref());
        let wanted = named.or(self.inline.then_some(&[]));
        if wanted.is_some_and(<[Gate]>::is_empty) {
            return Ok(Vec::new());
        }
        let limit = self.runner.settings.limit(spec.timeout_seconds);
        let gates = gates::Gates {
            configured: &defaults.gates,
            workspace,
            variables: self.repository().variables(),
            limit,
        };
        let control = self.runner.control();
        self.workspace.unchanged(|| gates.run(wanted, &control))
    }

    fn judge(
        &mut self,
        of_gates: QaVerdict,
        gates: &[GateResult],
    ) -> (Judgement, Option<UpsertArtifact>) {
        let run = match self.engine_run(gates) {
            Ok(run) => run,
            Err(judgement) => return (judgement, None),
        };
        note_engine(&mut self.telemetry, &run, "qa");
        let yielded = match run.engine.run(&run.task, &self.runner.control()) {
            Ok(yielded) => yielded,
            Err(EngineError::Cancelled) => return (Judgement::stopped(), None),
            Err(error) => return (Judgement::failed(&error.to_string(), error.kind()), None),
        };
        note_usage(&mut self.telemetry, &yielded);
        match self.write_report(&yielded.output) {
            Ok(report) => {
                let text = String::from_utf8_lossy(&yielded.output);
                let judgement = Judgement::by_report(&text, of_gates);
                (self.weighed(judgement), Some(report))
            }
            Err(reason) => {
                let path = self.report_file.display();
                let summary = format!("the report {path} cannot be written: {reason}");
                (Judgement::failed(&summary, "ReportNotWritten"), None)
            }
        }
    }

    fn engine_run(&mut self, gates: &[GateResult]) -> Result<EngineRun<'c>, Judgement> {
        let outputs = self.resolver.outputs();
        let outputs = outputs.map_err(|error| Judgement::impossible(&error))?;
        self.telemetry.outputs = Some(outputs.on_record());
        let (resolver, repository) = (self.resolver, self.repository());
        let step = self.begun.assignment.step_name.as_str();
        let about = (step, resolver.spec.prompt_ref.as_str());
        let context = |input: &mut Input| {
            context::add(input, &resolver.places, about, &repository);
            input.part("Gates", &gates::as_text(gates));
        };
        let told = (repository.variables(), context);
        let engines = self.runner.engines;
        let run = resolver.check(engines, &outputs, &self.report_file, told);
        let run = run.map_err(|error| Judgement::impossible(&error))?;
        self.afford(run.tokens)
            .map_err(|over| Judgement::failed(&over.to_string(), OverBudget::KIND))?;
        Ok(run)
    }

    /// Whether the budget allows so many tokens more than what is spent already, here and before.
    pub(super) fn afford(&mut self, tokens: u64) -> Result<(), OverBudget> {
        let spent = self.spent.and(self.telemetry.spent_tokens());
        self.runner.afford(spent, tokens, &mut self.telemetry)
    }

    /// A failure passes where the project says so and nothing but the protocol's own files has changed.
    fn weighed(&self, judgement: Judgement) -> Judgement {
        let allowed = self.begun.assignment.defaults.qa_pass_protocol_only;
        if allowed && judgement.failure.is_some() && self.repository().only_protocols_changed() {
            return judgement.downgraded();
        }
        judgement
    }

    fn repository(&self) -> Repository<'_> {
        Repository {
            workspace: &self.resolver.places.workspace,
            changes: &self.changes,
            cancel: self.runner.cancel,
        }
    }

    /// Writes the step's report, and the copy that is always the last one's.
    fn write_report(&self, report: &[u8]) -> std::io::Result<UpsertArtifact> {
        write_whole(&self.report_file, report)?;
        write_whole(&self.report_file.with_file_name(LAST_REPORT), report)?;
        let path = self.report_file.display().to_string();
        Ok(artifacts::of_report(
            self.begun.assignment.step_run_id,
            path,
            report,
        ))
    }
}

impl Round {
    fn of(judgement: Judgement) -> Self {
        Self {
            gates: Vec::new(),
            judgement,
            report: None,
        }
    }

    fn into_report(self) -> QaReport {
        let judgement = self.judgement;
        QaReport {
            gates: self.gates,
            error_type: judgement.error_type,
            failure: judgement.failure,
            protocol_only: judgement.protocol_only,
            artifacts: self.report.into_iter().collect(),
            ..QaReport::of(judgement.verdict, judgement.summary)
        }
    }
}

/// Checks of steps beside each other do not write over each other's reports.
pub(super) fn report_file(protocol_root: &Path, step: &str) -> PathBuf {
    protocol_root.join(format!("quality-report-{}.md", file_name(step)))
}
