//! An engine is asked for a plan, and once more where its answer is none.
//!
//! Always so: only an answer that was validated is written.

use std::collections::BTreeMap;
use std::path::Path;

use millwright_core::protocol::PlanAnswer;
use serde_json::{Map, Value, json};

use super::{Planner, PlanningError, Request, prompt};
use crate::engine::{Control, Engine, Mode, Task};
use crate::files::write_whole;
use crate::runner::{Prompt, estimated_tokens};
use crate::workspace::WorkspaceError;

/// So much of a wrong answer is shown to the engine again.
const LONGEST_QUOTE: usize = 64 * 1024;

/// An answer that was wrong, and why.
struct Wrong {
    answer: String,
    errors: Vec<String>,
}

impl Planner<'_> {
    /// Asks for a plan, and again with what was wrong with the first answer. Gives what events say of it, too.
    pub(super) fn answer(
        &self,
        request: &Request,
        wanted: &str,
        folder: &Path,
        root: &Path,
    ) -> Result<(PlanAnswer, Map<String, Value>), PlanningError> {
        let (id, engine) = self.engine(request)?;
        let model = self.model(request, engine);
        let prompt = &prompt::find(folder, engine.reads_text())?;
        let mut details = Map::new();
        let versions = json!({"planning": prompt.version});
        details.insert("prompt_versions".to_owned(), versions);
        details.insert("engine_id".to_owned(), json!(id));
        details.insert("models".to_owned(), json!({"planning": model}));
        let mut spent = 0;
        let mut wrong: Option<Wrong> = None;
        for _ in 0..2 {
            let task = self.task(
                request,
                wanted,
                folder,
                root,
                prompt,
                model.as_deref(),
                wrong.as_ref(),
            );
            let control = Control {
                log: self.log,
                cancel: self.cancel,
            };
            let yielded = engine.run(&task, &control);
            let yielded = yielded.map_err(|source| PlanningError::Engine {
                id: id.clone(),
                source,
            })?;
            spent += estimated_tokens(task.input.as_bytes()) + estimated_tokens(&yielded.output);
            let text = String::from_utf8_lossy(&yielded.output).into_owned();
            match PlanAnswer::read(&text) {
                Ok(answer) => {
                    details.insert("estimated_tokens".to_owned(), json!(spent));
                    return Ok((answer, details));
                }
                Err(errors) => {
                    self.log.line(&format!(
                        "millwright: the answer is no plan: {}",
                        errors.join("; ")
                    ));
                    wrong = Some(Wrong {
                        answer: text,
                        errors,
                    });
                }
            }
        }
        let errors = wrong.map(|wrong| wrong.errors).unwrap_or_default();
        Err(PlanningError::NoPlan { id, errors })
    }

    fn engine(&self, request: &Request) -> Result<(String, &dyn Engine), PlanningError> {
        let id = request.defaults.engine_id.as_deref();
        let id = id.unwrap_or_else(|| self.settings.planning_engine());
        match self.engines.get(id) {
            Some(engine) => Ok((id.to_owned(), engine)),
            None => Err(PlanningError::UnknownEngine {
                id: id.to_owned(),
                known: self.engines.ids().collect::<Vec<_>>().join(", "),
            }),
        }
    }

    fn model(&self, request: &Request, engine: &dyn Engine) -> Option<String> {
        let of_engine = engine.default_model()?;
        let of_project = request.defaults.planning_model.as_deref();
        let model = of_project.or(self.settings.planning_model.as_deref());
        Some(model.unwrap_or(of_engine).to_owned())
    }

    #[expect(clippy::too_many_arguments, reason = "what a task holds, once")]
    fn task(
        &self,
        request: &Request,
        wanted: &str,
        folder: &Path,
        root: &Path,
        prompt: &Prompt,
        model: Option<&str>,
        wrong: Option<&Wrong>,
    ) -> Task {
        let errors = wrong
            .map(|wrong| wrong.errors.join("\n"))
            .unwrap_or_default();
        Task {
            mode: Mode::Plan,
            prompt: prompt.path.clone(),
            input: input(
                prompt.text.as_deref().unwrap_or_default(),
                request,
                wanted,
                wrong,
            ),
            output_schema: Some(PlanAnswer::schema()),
            directory: folder.to_owned(),
            model: model.map(str::to_owned),
            environment: BTreeMap::from([
                ("MILLWRIGHT_MODE", "plan".to_owned()),
                ("MILLWRIGHT_REQUEST", wanted.to_owned()),
                ("MILLWRIGHT_ERRORS", errors),
                (
                    "MILLWRIGHT_PROTOCOL_RUN_ID",
                    request.protocol_run_id.to_string(),
                ),
                ("MILLWRIGHT_PROTOCOL_NAME", request.protocol_name.clone()),
                ("MILLWRIGHT_PROTOCOL_ROOT", root.display().to_string()),
                ("MILLWRIGHT_WORKSPACE", folder.display().to_string()),
            ]),
            limit: self.settings.limit(None),
        }
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

fn input(prompt: &str, request: &Request, wanted: &str, wrong: Option<&Wrong>) -> String {
    let mut text = format!(
        "{}\n\n## The protocol\n\n{}\n\n## What is wanted\n\n{wanted}\n\n## The schema of the answer\n\n{}\n",
        prompt.trim_end(),
        request.protocol_name,
        PlanAnswer::schema()
    );
    if let Some(Wrong { answer, errors }) = wrong {
        let end = answer.floor_char_boundary(LONGEST_QUOTE);
        let errors = errors.join("\n- ");
        let again = format!(
            "\n## Your last answer was no plan\n\nMend this and answer again, whole:\n\n- {errors}\n\nThe answer was:\n\n{}\n",
            &answer[..end]
        );
        text.push_str(&again);
    }
    text
}
