//! What a protocol's planner is asked, and what becomes of its answer.
//!
//! Always so: only an answer that was validated is written.

use std::collections::BTreeMap;
use std::path::Path;

use millwright_core::protocol::PlanAnswer;

use super::ask::{Asked, Question, Stage};
use super::{Planner, PlanningError, Request, grounding, replaced};
use crate::files::write_whole;
use crate::runner::PLAN;
use crate::workspace::WorkspaceError;

/// A protocol that an engine plans.
pub(super) struct Job<'j> {
    pub(super) request: &'j Request,
    /// What is wanted, in words.
    pub(super) wanted: &'j str,
    /// Where the engine works.
    pub(super) folder: &'j Path,
    /// The protocol's folder.
    pub(super) root: &'j Path,
}

impl Job<'_> {
    /// What an engine is told of it as variables.
    pub(super) fn environment(&self) -> BTreeMap<&'static str, String> {
        let request = self.request;
        let id = request.protocol_run_id.to_string();
        BTreeMap::from([
            ("MILLWRIGHT_REQUEST", self.wanted.to_owned()),
            ("MILLWRIGHT_PROTOCOL_RUN_ID", id),
            ("MILLWRIGHT_PROTOCOL_NAME", request.protocol_name.clone()),
            ("MILLWRIGHT_PROTOCOL_ROOT", self.root.display().to_string()),
        ])
    }
}

impl Planner<'_> {
    /// Asks for a plan. Gives what was asked, too.
    pub(super) fn answer(&self, job: &Job<'_>) -> Result<(PlanAnswer, Asked), PlanningError> {
        let schema = PlanAnswer::schema();
        let question = Question {
            what: "plan",
            purpose: "planning",
            stage: Stage::Plan,
            prompt: PLAN,
            defaults: &job.request.defaults,
            folder: job.folder,
            parts: vec![
                ("The protocol", job.request.protocol_name.clone()),
                ("What is wanted", job.wanted.to_owned()),
                (
                    "The plan that another is wanted for",
                    replaced::plan_until_now(job.root),
                ),
                ("The schema of the answer", schema.to_string()),
            ],
            output_schema: Some(schema),
            environment: job.environment(),
        };
        self.ask(&question, |text| {
            let answer = PlanAnswer::read(text)?;
            let steps = answer.step_files.iter().map(|file| file.content.as_str());
            let texts = [&*answer.plan_md, &*answer.context_md].into_iter();
            let rule = self.settings.grounding;
            let missing = grounding::missing(texts.chain(steps), job.folder, rule);
            if missing.is_empty() {
                Ok(answer)
            } else {
                Err(missing)
            }
        })
    }
}

/// Writes the files of a plan into the protocol's folder.
pub(super) fn write(answer: &PlanAnswer, root: &Path) -> Result<(), PlanningError> {
    let fixed = [
        ("plan.md", &answer.plan_md),
        ("context.md", &answer.context_md),
        ("log.md", &answer.log_md),
    ];
    let steps = answer
        .step_files
        .iter()
        .map(|file| (file.filename.as_str(), &file.content));
    for (name, text) in fixed.into_iter().chain(steps) {
        let path = root.join(name);
        write_whole(&path, text.as_bytes()).map_err(|error| WorkspaceError::file(&path, error))?;
    }
    Ok(())
}
