//! Work on a step: its beginning, and the reports of whoever does it.
//!
//! Always so: a report counts only from the claim that holds the step at that moment, and only once.

use millwright_core::protocol::{
    Assignment, Begun, EventType, ExecutionOutcome, Kind, NewEvent, ProjectDefaults, QaPolicy,
    QaResult, Report, SHARED_BRANCH, Snapshot, Spent, Step, StepRun, StepStatus, auto_fix_attempts,
    begin_execution, begin_qa, is_shared_branch, reported,
};
use serde_json::{Map, Value, json};

use super::claims::{HeldClaim, lease};
use super::executions::End;
use super::{StoreError, Tables};

impl Tables<'_> {
    /// Begins work on a step under a claim; without one, under a claim that ends with the work.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] where another holds the step, the claim does not, or
    /// the states of step and protocol do not allow it.
    pub fn begin(
        &self,
        step_run_id: i64,
        kind: Kind,
        claim: Option<&str>,
    ) -> Result<Begun, StoreError> {
        let step = self.step(step_run_id)?;
        if let Some(claim) = claim {
            self.revive(step_run_id, claim)?;
        }
        self.sweep(step.protocol_run_id)?;
        let held = match claim {
            Some(claim) => self.held(step_run_id, claim)?,
            None => self.claim_for_work(step.protocol_run_id, step_run_id)?,
        };
        if held.phase.as_deref() == Some(kind.as_str()) {
            return Err(StoreError::Conflict(format!(
                "claim {} has been used to {kind} step {step_run_id} already",
                held.claim
            )));
        }
        let seen = self.see(step.protocol_run_id)?;
        let decision = match kind {
            Kind::Execute => begin_execution(&seen.snapshot, step_run_id)?,
            Kind::Qa => begin_qa(&seen.snapshot, step_run_id)?,
        };
        self.apply(&seen, &decision, Some(&held))?;
        self.use_claim(&held.claim, kind.as_str())?;
        Ok(Begun {
            claim: lease(step_run_id, &held.claim, self.leases.working),
            kind,
            assignment: self.assignment(&step, &decision.after)?,
        })
    }

    /// A claim that nobody used in time still holds its step when nobody else has taken it.
    fn revive(&self, step_run_id: i64, claim: &str) -> Result<(), StoreError> {
        match self.claim_of(step_run_id)? {
            Some(held) if held.claim == claim && held.phase.is_none() => {
                self.extend(claim, self.leases.waiting)
            }
            _ => Ok(()),
        }
    }

    /// Takes a report on a step, decides what follows, and ends what was executed under the claim. The same report
    /// again, under the same claim, gets the same answer and changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] where the claim does not hold the step any more.
    pub fn report(
        &self,
        step_run_id: i64,
        claim: &str,
        report: &Report,
    ) -> Result<StepRun, StoreError> {
        let step = self.step(step_run_id)?;
        if let Some(answer) = self.answered(step_run_id, claim, report)? {
            return Ok(answer);
        }
        self.sweep(step.protocol_run_id)?;
        let held = self.held(step_run_id, claim)?;
        // While the claim is there: its holder says which run it is.
        self.register_files(step_run_id, report)?;
        self.keep_worktree(step.protocol_run_id, report)?;
        if let Some(made) = &report.telemetry().protocol_root_made {
            self.tell_of_protocol_folder(step.protocol_run_id, made)?;
        }
        let seen = self.see(step.protocol_run_id)?;
        let decision = reported(&seen.snapshot, step_run_id, report)?;
        self.apply(&seen, &decision, Some(&held))?;
        self.count_cost(&held, report)?;
        let after = decision.after.step(step_run_id);
        if matches!(report, Report::Executed(_) | Report::Checked(_)) {
            self.settle(&held, after, report)?;
        }
        let answer = self.step(step_run_id)?;
        self.keep_answer(claim, report, &answer)?;
        Ok(answer)
    }

    /// What becomes of the claim and of the execution after a final report.
    fn settle(
        &self,
        held: &HeldClaim,
        after: Option<&Step>,
        report: &Report,
    ) -> Result<(), StoreError> {
        let awaits_qa = after.is_some_and(|step| step.status == StepStatus::NeedsQa);
        let goes_on = after.is_some_and(|step| step.qa == QaPolicy::Light) && awaits_qa;
        let executed = matches!(report, Report::Executed(report) if report.outcome == ExecutionOutcome::Succeeded);
        if executed && goes_on {
            return Ok(());
        }
        let end = self.end_of(held.step_run_id, report)?;
        self.end_running(&held.claim, &end)?;
        if executed && awaits_qa && held.of_caller {
            self.extend(&held.claim, self.leases.waiting)
        } else {
            self.drop_claim(held.step_run_id)
        }
    }

    fn end_of(&self, step_run_id: i64, report: &Report) -> Result<End, StoreError> {
        let step = self.step(step_run_id)?;
        Ok(match report {
            Report::Executed(report) => match report.outcome {
                ExecutionOutcome::Succeeded => End::Succeeded(as_json(&step)),
                ExecutionOutcome::Cancelled => End::Cancelled,
                ExecutionOutcome::Failed
                | ExecutionOutcome::SpecInvalid
                | ExecutionOutcome::OverBudget => {
                    let name = report.error_type.as_deref().unwrap_or("ExecutionFailed");
                    End::Failed(json!({"name": name, "message": report.summary}))
                }
            },
            Report::Checked(report) => match report.verdict {
                None => End::Cancelled,
                Some(_) if report.inline => End::Succeeded(as_json(&step)),
                Some(verdict) => End::Succeeded(as_json(&QaResult {
                    verdict,
                    summary: report.summary.clone(),
                    gates: report.gates.clone(),
                    step_status: step.status,
                })),
            },
            Report::Started(_) | Report::AutoFix(_) => End::Cancelled,
        })
    }

    fn assignment(&self, step: &StepRun, now: &Snapshot) -> Result<Assignment, StoreError> {
        let run = self.protocol(step.protocol_run_id)?;
        let project = self.project(run.project_id)?;
        let of_spec = |key| object_in(run.template_config.as_ref(), key);
        let branch = run.template_config.as_ref().and_then(branch_of);
        let chosen = run.chosen_worktree().cloned();
        let git_url = project.git_url.filter(|url| !url.is_empty());
        Ok(Assignment {
            step_run_id: step.id,
            step_index: step.step_index,
            step_name: step.step_name.clone(),
            protocol_run_id: run.id,
            protocol_name: run.protocol_name,
            project_id: project.id,
            git_url: git_url.filter(|_| chosen.is_none()),
            is_shared: run.template_config.as_ref().is_some_and(is_shared_branch),
            worktree: run.worktree_path.filter(|_| run.worktree_made),
            workspace: chosen.or(project.local_path),
            protocol_root: run.protocol_root,
            base_branch: run.base_branch,
            branch,
            step_spec: self.step_spec(step.id)?,
            spec_hash: run.spec_hash,
            engine_id: step.engine_id.clone(),
            model: step.model.clone(),
            defaults: ProjectDefaults::of_project(
                project.default_models.as_ref(),
                project.policy_overrides.as_ref(),
            ),
            placeholders: of_spec("placeholders"),
            template: of_spec("template"),
            answers: self.answers(project.id, Some(run.id), Some(step.id))?,
            last_summary: step.summary.clone(),
            spent: Spent::of(now, step.id),
            auto_fix_attempts: auto_fix_attempts(now, step.id),
        })
    }

    /// Keeps where the protocol's worktree is.
    fn keep_worktree(&self, protocol_run_id: i64, report: &Report) -> Result<(), StoreError> {
        let Report::Started(telemetry) = report else {
            return Ok(());
        };
        let Some(path) = &telemetry.worktree_path else {
            return Ok(());
        };
        let run = self.protocol(protocol_run_id)?;
        if run.worktree_path.is_none() {
            let message = format!("{} has a worktree of its own.", run.protocol_name);
            let event = NewEvent::new(EventType::SetupWorktreeCreated, message)
                .with("worktree_path", path.as_str())
                .with("protocol_name", run.protocol_name)
                .with("base_branch", run.base_branch);
            self.write_event(protocol_run_id, &event)?;
        }
        self.connection
            .prepare_cached("UPDATE protocol_runs SET own_worktree = ?2 WHERE id = ?1")?
            .execute((protocol_run_id, path))?;
        if telemetry.branch_shared == Some(true) {
            self.share_branch(protocol_run_id)?;
        }
        Ok(())
    }

    /// Keeps that a protocol's branch is in the project's repository.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn share_branch(&self, protocol_run_id: i64) -> Result<(), StoreError> {
        let run = self.protocol(protocol_run_id)?;
        if run.template_config.as_ref().is_some_and(is_shared_branch) {
            return Ok(());
        }
        self.write_config(&run, [(SHARED_BRANCH, true.into())])
    }

    /// Tells, once, that a protocol's folder was made: a worktree that it is not in makes it again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn tell_of_protocol_folder(&self, id: i64, path: &str) -> Result<(), StoreError> {
        if self.has_event(id, EventType::SetupProtocolsDirCreated)? {
            return Ok(());
        }
        let run = self.protocol(id)?;
        let message = format!("The folder of {} was made.", run.protocol_name);
        let event = NewEvent::new(EventType::SetupProtocolsDirCreated, message)
            .with("protocol_root", path)
            .with("protocol_name", run.protocol_name);
        self.write_event(id, &event)
    }

    /// Registers the files that work has left with the run of whoever claimed the step.
    fn register_files(&self, step_run_id: i64, report: &Report) -> Result<(), StoreError> {
        let files = match report {
            Report::Executed(report) => &report.artifacts,
            Report::Checked(report) => &report.artifacts,
            Report::Started(_) | Report::AutoFix(_) => return Ok(()),
        };
        self.register_artifacts(step_run_id, files)
    }
}

/// An object of a run's spec.
fn object_in(template_config: Option<&Value>, key: &str) -> Map<String, Value> {
    let found =
        template_config.and_then(|config| config.get("protocol_spec")?.get(key)?.as_object());
    found.cloned().unwrap_or_default()
}

/// The protocol's own branch, where someone chose one.
fn branch_of(config: &Value) -> Option<String> {
    config.get("branch")?.as_str().map(str::to_owned)
}

/// A record as JSON.
pub(super) fn as_json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("records have text keys alone")
}
