//! Mending what a check found, where it is a matter of form.
//!
//! Always so: a try is on record before its engine begins, so that their number holds whatever becomes of this process.

use millwright_core::protocol::{
    AutoFixReport, AutoFixStage, FailureKind, QaVerdict, Report, Telemetry,
};

use super::budget::OverBudget;
use super::check::{Check, Round};
use super::port::PortError;
use super::resolve::EngineRun;
use super::telemetry;
use super::tokens::{note_engine, note_usage};

impl Check<'_> {
    /// Mends what a round found. Whether that was done, so that it is to be checked again.
    pub(super) fn mend(&mut self, round: &Round) -> Result<bool, PortError> {
        let Some(failure) = self.mendable(round) else {
            return Ok(false);
        };
        let resolver = self.resolver;
        let findings = (failure, round.judgement.findings.as_str());
        let run = resolver.outputs().and_then(|outputs| {
            resolver.fix(self.runner.engines, &outputs, &self.report_file, findings)
        });
        let run = match run {
            Ok(Some(run)) => run,
            Ok(None) => return Ok(false),
            Err(error) => {
                self.attempts += 1;
                self.tell(
                    AutoFixStage::Error,
                    failure,
                    Some(error.to_string()),
                    Telemetry::default(),
                )?;
                return Ok(false);
            }
        };
        self.attempts += 1;
        let mut telemetry = telemetry(self.begun, self.runner.settings);
        note_engine(&mut telemetry, &run, "fix");
        self.tell(AutoFixStage::Attempt, failure, None, telemetry.clone())?;
        self.run_fix(&run, failure, telemetry)
    }

    /// What may be mended: a failure of form, as often as is allowed.
    fn mendable(&self, round: &Round) -> Option<FailureKind> {
        let judgement = &round.judgement;
        let failed = judgement.verdict == Some(QaVerdict::Failed) && judgement.error_type.is_none();
        let left = self.attempts < self.runner.settings.auto_fix_attempts;
        judgement
            .failure
            .filter(|failure| failed && left && failure.is_mendable())
    }

    fn run_fix(
        &mut self,
        run: &EngineRun<'_>,
        failure: FailureKind,
        mut telemetry: Telemetry,
    ) -> Result<bool, PortError> {
        if let Err(over) = self.afford(run.tokens) {
            let error = format!("{}: {over}", OverBudget::KIND);
            telemetry.estimated_tokens = None;
            self.tell(AutoFixStage::Error, failure, Some(error), telemetry)?;
            return Ok(false);
        }
        match run.engine.run(&run.task, &self.runner.control()) {
            Ok(yielded) => {
                note_usage(&mut telemetry, &yielded);
                self.tell(AutoFixStage::Applied, failure, None, telemetry)?;
                Ok(true)
            }
            Err(error) => {
                self.tell(
                    AutoFixStage::Error,
                    failure,
                    Some(error.to_string()),
                    telemetry,
                )?;
                Ok(false)
            }
        }
    }

    fn tell(
        &mut self,
        stage: AutoFixStage,
        failure: FailureKind,
        error: Option<String>,
        telemetry: Telemetry,
    ) -> Result<(), PortError> {
        let attempt = self.attempts;
        self.runner.say(format!(
            "millwright: mending ({failure}), try {attempt}: {stage}"
        ));
        // Where a try begins, nothing is spent yet.
        if stage != AutoFixStage::Attempt {
            self.spent = self.spent.and(telemetry.spent_tokens());
        }
        let report = Report::AutoFix(AutoFixReport {
            stage,
            failure,
            attempt,
            max_attempts: self.runner.settings.auto_fix_attempts,
            error,
            telemetry,
        });
        self.runner.report(self.begun, &report).map(drop)
    }
}
