//! Decomposition: each step of a plan is asked for in detail before the plan is written.
//!
//! Always so: a step keeps its heading, and the plan stands on the ground with it; one that cannot be had so stays as planned.

#[cfg(test)]
mod tests;

use millwright_core::protocol::{
    Decomposition, DecompositionReport, PlanAnswer, SkippedStep, StepFile, StepType,
    infer_step_type,
};

use super::answer::Job;
use super::ask::{Asked, Question, Stage};
use super::documents::{document_in, heading};
use super::{Planner, PlanningError, grounding};
use crate::engine::EngineError;
use crate::runner::DECOMPOSE;

/// A step that is told in so many characters is a simple one.
const SIMPLE: usize = 500;
/// So much of an engine's failure is told as the reason why a step stays as it is.
const LONGEST_REASON: usize = 1_000;

impl Planner<'_> {
    /// Asks for the steps of a plan in detail, where the project or the environment wants that, and tells of it. Gives what
    /// was asked.
    pub(super) fn decompose(
        &self,
        job: &Job<'_>,
        plan: &mut PlanAnswer,
        tell: &dyn Fn(DecompositionReport),
    ) -> Result<Asked, PlanningError> {
        let defaults = &job.request.defaults;
        let by_environment = self.settings.decompose_model.is_some();
        if !defaults.decompose.unwrap_or(by_environment) {
            return Ok(Asked::default());
        }
        let (_, engine) = self.engine(Stage::Decompose, defaults)?;
        let model = self.model(Stage::Decompose, defaults, engine);
        let wanted = plan.step_files.iter().filter(|file| !self.leaves(file));
        tell(DecompositionReport::Started {
            steps: wanted.map(|file| file.filename.clone()).collect(),
            model: model.clone(),
        });
        let (mut done, mut asked) = (Decomposition::default(), Asked::default());
        done.model = model;
        for nth in 0..plan.step_files.len() {
            let step = plan.step_files[nth].filename.clone();
            match self.in_detail(job, plan, nth, &mut asked)? {
                Ok(text) => {
                    plan.step_files[nth].content = text;
                    done.decomposed.push(step);
                }
                Err(reason) => {
                    let line = format!("millwright: {step} stays as it was planned: {reason}");
                    self.log.line(&line);
                    done.skipped.push(SkippedStep { step, reason });
                }
            }
        }
        done.estimated_tokens = asked.estimated_tokens;
        tell(DecompositionReport::Completed(done));
        Ok(asked)
    }

    /// A step of a plan in detail, or why it stays as it was planned.
    fn in_detail(
        &self,
        job: &Job<'_>,
        plan: &PlanAnswer,
        nth: usize,
        asked: &mut Asked,
    ) -> Result<Result<String, String>, PlanningError> {
        let file = &plan.step_files[nth];
        if self.leaves(file) {
            return Ok(Err("simple".to_owned()));
        }
        let question = question(job, plan, file);
        let answer = self.ask_noting(&question, asked, |text| {
            let text = document_in(text)?;
            let mut faults = Vec::from_iter(other_heading(&file.content, &text));
            let others = plan.step_files.iter().enumerate();
            let others = others.filter(|(other, _)| *other != nth);
            let texts = [&*plan.plan_md, &plan.context_md, &text].into_iter();
            let texts = texts.chain(others.map(|(_, file)| &*file.content));
            let rule = self.settings.grounding;
            faults.extend(grounding::missing(texts, job.folder, rule));
            if faults.is_empty() {
                Ok(text)
            } else {
                Err(faults)
            }
        });
        match answer {
            Ok(text) => Ok(Ok(text)),
            Err(error) if is_of_this_step(&error) => Ok(Err(reason(&error))),
            Err(error) => Err(error),
        }
    }

    /// Whether a step stays as it was planned since it is simple.
    fn leaves(&self, file: &StepFile) -> bool {
        let prepares = infer_step_type(&file.filename) == StepType::Setup;
        let is_short = || file.content.trim().chars().count() <= SIMPLE;
        self.settings.skips_simple_steps && (prepares || is_short())
    }
}

fn question<'q>(job: &Job<'q>, plan: &PlanAnswer, file: &StepFile) -> Question<'q> {
    let names = plan.step_files.iter().map(|file| &*file.filename);
    let names: Vec<&str> = names.collect();
    let mut environment = job.environment();
    environment.extend([
        ("MILLWRIGHT_STEP_FILE", file.filename.clone()),
        ("MILLWRIGHT_STEP", file.content.clone()),
    ]);
    Question {
        what: "step in detail",
        purpose: "decompose",
        stage: Stage::Decompose,
        prompt: DECOMPOSE,
        defaults: &job.request.defaults,
        folder: job.folder,
        parts: vec![
            ("The protocol", job.request.protocol_name.clone()),
            ("What is wanted", job.wanted.to_owned()),
            ("The plan", plan.plan_md.clone()),
            ("The context", plan.context_md.clone()),
            ("The files of all steps", names.join("\n")),
            ("The step's file", file.filename.clone()),
            ("What it says", file.content.clone()),
        ],
        output_schema: None,
        environment,
    }
}

/// What is wrong where a step's file begins with another heading than it was planned with.
fn other_heading(planned: &str, text: &str) -> Option<String> {
    let kept = heading(planned)?;
    let is_kept = heading(text) == Some(kept);
    (!is_kept).then(|| format!("its heading stays as it is: {kept:?}"))
}

/// Whether a failure is one of this step alone. An engine that is not there, or was stopped, does no other step either.
fn is_of_this_step(error: &PlanningError) -> bool {
    match error {
        PlanningError::Engine { source, .. } => !matches!(
            source,
            EngineError::NotInstalled { .. } | EngineError::Cancelled
        ),
        PlanningError::NoPlan { .. } | PlanningError::TooLong { .. } => true,
        _ => false,
    }
}

fn reason(error: &PlanningError) -> String {
    let mut reason = error.to_string();
    reason.truncate(reason.floor_char_boundary(LONGEST_REASON));
    reason
}
