//! A step's own work.
//!
//! Always so: the outputs are written before success is reported, and a failure writes none.

use std::time::Instant;

use millwright_core::protocol::{
    Begun, ExecutionOutcome, ExecutionReport, QaPolicy, Report, StepRun, StepSpec, StepStatus,
    Telemetry,
};
use serde::Deserialize;

use super::budget::OverBudget;
use super::outputs::OutputFiles;
use super::port::PortError;
use super::resolve::{EngineRun, ResolveError, Resolver};
use super::tokens::{note_engine, note_usage};
use super::{Runner, artifacts, lease, telemetry};
use crate::engine::EngineError;
use crate::files::write_all_whole;
use crate::workspace::{self, Workspace, WorkspaceError};

/// Work that was done, or failed, and was reported.
#[derive(Debug, Clone)]
pub struct Executed {
    /// The step as it stands after the report.
    pub step: StepRun,
    /// What was reported.
    pub report: ExecutionReport,
    /// The engine's output; empty where it failed.
    pub output: Vec<u8>,
}

/// Work that is over, before it is reported.
struct Work {
    report: ExecutionReport,
    output: Vec<u8>,
}

impl Runner<'_> {
    /// Executes a step and reports. Where the spec asks for a light check, that follows at once.
    ///
    /// # Errors
    /// [`PortError`] where a report was not taken; a step that fails is no error here.
    pub fn execute(&self, begun: &Begun) -> Result<Executed, PortError> {
        lease::held(&begun.claim, self.port, self.cancel, || {
            let prepared = workspace::prepare(begun, &self.settings.workspace, self.log);
            let work = match &prepared {
                Ok((begun, workspace)) => {
                    let work = self
                        .work(begun, workspace)?
                        .settled(workspace, &begun.assignment.step_name);
                    work.with_artifacts(begun)
                }
                Err(error) => Work::unprepared(error, telemetry(begun, self.settings)),
            };
            self.say(format!("millwright: {}", work.report.summary));
            let report = Report::Executed(work.report.clone());
            let step = self.report(begun, &report)?;
            let step = match &prepared {
                Ok((begun, workspace)) => {
                    self.check_inline(begun, workspace, step, &work.report.telemetry)?
                }
                Err(_) => step,
            };
            Ok(Executed {
                step,
                report: work.report,
                output: work.output,
            })
        })
    }

    fn check_inline(
        &self,
        begun: &Begun,
        workspace: &Workspace,
        step: StepRun,
        executed: &Telemetry,
    ) -> Result<StepRun, PortError> {
        let entry = begun.assignment.step_spec.as_ref();
        let spec = entry.and_then(|entry| StepSpec::deserialize(entry).ok());
        let policy = spec.map(|spec| spec.qa.effective());
        if step.status == StepStatus::NeedsQa && policy == Some(QaPolicy::Light) {
            let spent = begun.assignment.spent.and(executed.spent_tokens());
            self.check_now(begun, Ok(workspace), None, true, spent)
                .map(|checked| checked.step)
        } else {
            Ok(step)
        }
    }

    pub(super) fn report(&self, begun: &Begun, report: &Report) -> Result<StepRun, PortError> {
        let claim = &begun.claim;
        self.port.report(claim.step_run_id, &claim.claim, report)
    }

    fn work(&self, begun: &Begun, workspace: &Workspace) -> Result<Work, PortError> {
        let mut telemetry = telemetry(begun, self.settings);
        let worktree = workspace.worktree();
        telemetry.worktree_path = worktree.map(|path| path.display().to_string());
        telemetry.branch_shared = workspace.is_shared().then_some(true);
        let resolver = match Resolver::of(&begun.assignment, self.settings) {
            Ok(resolver) => resolver,
            Err(error) => return Ok(Work::refused(&error, telemetry)),
        };
        telemetry.protocol_root_made = resolver.made(workspace);
        let run = resolver
            .outputs()
            .and_then(|outputs| Ok((resolver.execution(self.engines, &outputs)?, outputs)));
        let (run, outputs) = match run {
            Ok(run) => run,
            Err(error) => return Ok(Work::refused(&error, telemetry)),
        };
        note_engine(&mut telemetry, &run, "exec");
        if let Err(over) = self.afford(begun.assignment.spent, run.tokens, &mut telemetry) {
            telemetry.estimated_tokens = None;
            return Ok(Work::ended(
                ExecutionOutcome::OverBudget,
                &over,
                OverBudget::KIND,
                telemetry,
            ));
        }
        self.report(begun, &Report::Started(telemetry.clone()))?;
        Ok(self.run_engine(&run, &outputs, telemetry))
    }

    fn run_engine(
        &self,
        run: &EngineRun<'_>,
        outputs: &OutputFiles,
        mut telemetry: Telemetry,
    ) -> Work {
        let clock = Instant::now();
        let outcome = run.engine.run(&run.task, &self.control());
        telemetry.duration_seconds = Some(clock.elapsed().as_secs_f64());
        match outcome {
            Ok(yielded) => {
                note_usage(&mut telemetry, &yielded);
                write_outputs(yielded.output, outputs, telemetry)
            }
            Err(EngineError::Cancelled) => {
                let error = EngineError::Cancelled;
                Work::ended(ExecutionOutcome::Cancelled, &error, error.kind(), telemetry)
            }
            Err(error) => Work::ended(ExecutionOutcome::Failed, &error, error.kind(), telemetry),
        }
    }
}

/// An empty output is none: it leaves the files as they are.
fn write_outputs(output: Vec<u8>, outputs: &OutputFiles, mut telemetry: Telemetry) -> Work {
    telemetry.outputs = Some(outputs.on_record());
    if !output.is_empty()
        && let Err((path, reason)) = write_all_whole(outputs.all(), &output)
    {
        let message = format!("{} cannot be written: {reason}", path.display());
        let failed = ExecutionOutcome::Failed;
        return Work::ended(failed, &message, "OutputNotWritten", telemetry);
    }
    Work {
        report: ExecutionReport {
            telemetry,
            ..ExecutionReport::of(
                ExecutionOutcome::Succeeded,
                format!("executed, {} bytes of output", output.len()),
            )
        },
        output,
    }
}

impl Work {
    /// The same, with the files that it left.
    fn with_artifacts(mut self, begun: &Begun) -> Self {
        let outputs = self.report.telemetry.outputs.as_ref();
        if let Some(outputs) = outputs.filter(|_| !self.output.is_empty()) {
            let step = begun.assignment.step_run_id;
            self.report.artifacts = artifacts::of_outputs(step, outputs, &self.output);
        }
        self
    }

    /// The same, committed and merged. What cannot be merged has failed.
    fn settled(mut self, workspace: &Workspace, message: &str) -> Self {
        if self.report.outcome != ExecutionOutcome::Succeeded {
            return self;
        }
        let telemetry = &mut self.report.telemetry;
        let outputs = telemetry.outputs.take();
        telemetry.outputs = outputs.map(|outputs| workspace.published(outputs));
        match workspace.settle(message) {
            Ok(()) => self,
            Err(error) => Self::unprepared(&error, self.report.telemetry),
        }
    }

    fn unprepared(error: &WorkspaceError, telemetry: Telemetry) -> Self {
        Self::ended(ExecutionOutcome::Failed, error, error.kind(), telemetry)
    }

    fn refused(error: &ResolveError, telemetry: Telemetry) -> Self {
        let outcome = if error.is_spec_error() {
            ExecutionOutcome::SpecInvalid
        } else {
            ExecutionOutcome::Failed
        };
        Self::ended(outcome, error, error.kind(), telemetry)
    }

    fn ended(
        outcome: ExecutionOutcome,
        error: &dyn std::fmt::Display,
        kind: &str,
        telemetry: Telemetry,
    ) -> Self {
        Self {
            report: ExecutionReport {
                error_type: Some(kind.to_owned()),
                telemetry,
                ..ExecutionReport::of(outcome, error.to_string())
            },
            output: Vec::new(),
        }
    }
}
