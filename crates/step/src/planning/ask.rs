//! An engine is asked for something in writing, and once more where its answer is not that.
//!
//! Always so: only an answer that was read without a fault is given back; the second asking names every fault of the first.

use std::collections::BTreeMap;
use std::path::Path;

use millwright_core::protocol::ProjectDefaults;
use serde_json::{Map, Value, json};

use super::{Planner, PlanningError, prompt};
use crate::engine::{Control, Engine, EngineError, Mode, Task};
use crate::runner::{Bundled, Prompt, estimated_tokens};

/// So much of a wrong answer is shown to the engine again.
const LONGEST_QUOTE: usize = 64 * 1024;
/// Linux takes variables of 128 KiB, with name and all.
const LONGEST_VARIABLE: usize = 120_000;

/// What an engine is asked for.
pub(super) struct Question<'q> {
    /// What the answer is to be, such as `plan`.
    pub(super) what: &'static str,
    /// The name of its prompt's version on record.
    pub(super) purpose: &'static str,
    /// Whose model answers.
    pub(super) stage: Stage,
    /// The prompt.
    pub(super) prompt: Bundled,
    /// What the project says about engines.
    pub(super) defaults: &'q ProjectDefaults,
    /// Where the engine works.
    pub(super) folder: &'q Path,
    /// What stands below the prompt: headings and texts. An empty text is left out.
    pub(super) parts: Vec<(&'static str, String)>,
    /// The schema of the answer, where it is JSON.
    pub(super) output_schema: Option<Value>,
    /// What it is told as variables beside `MILLWRIGHT_MODE`, `MILLWRIGHT_WORKSPACE` and `MILLWRIGHT_ERRORS`.
    pub(super) environment: BTreeMap<&'static str, String>,
}

/// A part of planning that has a model of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Planning itself, and documents.
    Plan,
    /// Telling a plan's steps in detail; where nobody names a model for that, the one that plans.
    Decompose,
    /// Looking at a project that is set up, for which it has an engine and a time limit of its own.
    Discover,
}

/// What was asked of engines, as events tell it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Asked {
    engine_id: Option<String>,
    models: Map<String, Value>,
    prompt_versions: Map<String, Value>,
    pub(super) estimated_tokens: u64,
}

/// An answer that was wrong, and why.
struct Wrong {
    answer: String,
    errors: Vec<String>,
}

impl Stage {
    /// The name under which events tell its model.
    fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "planning",
            Self::Decompose => "decompose",
            Self::Discover => "discovery",
        }
    }
}

impl Asked {
    /// What both come to together; the engine is that of the later one.
    #[must_use]
    pub fn and(mut self, later: Self) -> Self {
        self.prompt_versions.extend(later.prompt_versions);
        self.models.extend(later.models);
        Self {
            engine_id: later.engine_id.or(self.engine_id),
            models: self.models,
            prompt_versions: self.prompt_versions,
            estimated_tokens: self.estimated_tokens + later.estimated_tokens,
        }
    }

    fn note(
        &mut self,
        engine_id: &str,
        question: &Question<'_>,
        prompt: &Prompt,
        model: Option<&str>,
    ) {
        self.engine_id = Some(engine_id.to_owned());
        self.models
            .insert(question.stage.as_str().to_owned(), json!(model));
        let version = prompt.version.clone().into();
        self.prompt_versions
            .insert(question.purpose.to_owned(), version);
    }

    /// Without an engine: a template was filled in.
    pub(super) fn of_template(purpose: &str, version: String) -> Self {
        Self {
            engine_id: Some(super::TEMPLATE.to_owned()),
            prompt_versions: Map::from_iter([(purpose.to_owned(), version.into())]),
            ..Self::default()
        }
    }

    /// Engine, models, versions of prompts and tokens.
    pub fn details(&self) -> Map<String, Value> {
        Map::from_iter([
            ("prompt_versions".to_owned(), json!(self.prompt_versions)),
            ("engine_id".to_owned(), json!(self.engine_id)),
            ("models".to_owned(), json!(self.models)),
            ("estimated_tokens".to_owned(), json!(self.estimated_tokens)),
        ])
    }
}

impl Planner<'_> {
    /// Asks, and again with what was wrong with the first answer. `read` finds the faults of an answer.
    pub(super) fn ask<T>(
        &self,
        question: &Question<'_>,
        read: impl Fn(&str) -> Result<T, Vec<String>>,
    ) -> Result<(T, Asked), PlanningError> {
        let mut asked = Asked::default();
        let answer = self.ask_noting(question, &mut asked, read)?;
        Ok((answer, asked))
    }

    /// The same; what was asked is noted also where no answer comes of it.
    pub(super) fn ask_noting<T>(
        &self,
        question: &Question<'_>,
        asked: &mut Asked,
        read: impl Fn(&str) -> Result<T, Vec<String>>,
    ) -> Result<T, PlanningError> {
        let (id, engine) = self.engine(question.stage, question.defaults)?;
        let reads_text = engine.reads_text();
        let prompt = prompt::find(question.folder, question.prompt, reads_text)?;
        let model = self.model(question.stage, question.defaults, engine);
        asked.note(&id, question, &prompt, model.as_deref());
        let mut wrong: Option<Wrong> = None;
        for _ in 0..2 {
            let mut task = self.task(question, &prompt, wrong.as_ref());
            task.model.clone_from(&model);
            fit(&mut task, &id, reads_text)?;
            let control = Control {
                log: self.log,
                cancel: self.cancel,
            };
            let yielded = engine.run(&task, &control);
            if yielded.as_ref().err().is_none_or(EngineError::has_begun) {
                asked.estimated_tokens += estimated_tokens(task.input.as_bytes());
            }
            let yielded = yielded.map_err(|source| PlanningError::Engine {
                id: id.clone(),
                source,
            })?;
            asked.estimated_tokens += estimated_tokens(&yielded.output);
            let answer = String::from_utf8_lossy(&yielded.output).into_owned();
            match read(&answer) {
                Ok(value) => return Ok(value),
                Err(errors) => {
                    self.log.line(&format!(
                        "millwright: the answer is no {}: {}",
                        question.what,
                        errors.join("; ")
                    ));
                    wrong = Some(Wrong { answer, errors });
                }
            }
        }
        Err(PlanningError::NoPlan {
            id,
            what: question.what,
            errors: wrong.map(|wrong| wrong.errors).unwrap_or_default(),
        })
    }

    pub(super) fn engine(
        &self,
        stage: Stage,
        defaults: &ProjectDefaults,
    ) -> Result<(String, &dyn Engine), PlanningError> {
        let id = match stage {
            Stage::Plan | Stage::Decompose => defaults.engine_id.as_deref(),
            Stage::Discover => self.settings.discovery_engine(defaults),
        };
        let id = id.unwrap_or_else(|| self.settings.planning_engine());
        match self.engines.get(id) {
            Some(engine) => Ok((id.to_owned(), engine)),
            None => Err(PlanningError::UnknownEngine {
                id: id.to_owned(),
                known: self.engines.ids().collect::<Vec<_>>().join(", "),
            }),
        }
    }

    /// The model that is asked; `None` where that is the engine's own affair.
    pub(super) fn model(
        &self,
        stage: Stage,
        defaults: &ProjectDefaults,
        engine: &dyn Engine,
    ) -> Option<String> {
        let named = |of_project: &Option<String>, of_environment: &Option<String>| {
            of_project.as_ref().or(of_environment.as_ref()).cloned()
        };
        let plans = || named(&defaults.planning_model, &self.settings.planning_model);
        let model = match stage {
            Stage::Plan => plans(),
            Stage::Decompose => {
                named(&defaults.decompose_model, &self.settings.decompose_model).or_else(plans)
            }
            Stage::Discover => defaults.discovery_model.clone(),
        };
        let of_engine = || engine.default_model().map(str::to_owned);
        engine.takes_model().then(|| model.or_else(of_engine))?
    }

    fn task(&self, question: &Question<'_>, prompt: &Prompt, wrong: Option<&Wrong>) -> Task {
        let errors = wrong.map(|wrong| wrong.errors.join("\n"));
        let mut environment = question.environment.clone();
        environment.extend([
            ("MILLWRIGHT_MODE", "plan".to_owned()),
            ("MILLWRIGHT_ERRORS", errors.unwrap_or_default()),
            (
                "MILLWRIGHT_WORKSPACE",
                question.folder.display().to_string(),
            ),
        ]);
        Task {
            mode: Mode::Plan,
            prompt: prompt.path.clone(),
            input: input(prompt.text.as_deref().unwrap_or_default(), question, wrong),
            output_schema: question.output_schema.clone(),
            effort: None,
            fallback_engine: None,
            directory: question.folder.to_owned(),
            model: None,
            environment,
            limit: match question.stage {
                Stage::Plan | Stage::Decompose => self.settings.limit(None),
                Stage::Discover => self.settings.discovery_limit,
            },
        }
    }
}

/// What does not fit into a variable is told in the text alone, or, where the engine reads none, not at all.
fn fit(task: &mut Task, id: &str, reads_text: bool) -> Result<(), PlanningError> {
    let long =
        |(name, value): (&&'static str, &String)| (value.len() > LONGEST_VARIABLE).then_some(*name);
    let long: Vec<&str> = task.environment.iter().filter_map(long).collect();
    match long.first() {
        Some(name) if !reads_text => Err(PlanningError::TooLong {
            id: id.to_owned(),
            name: (*name).to_owned(),
            limit: LONGEST_VARIABLE,
        }),
        _ => {
            for name in long {
                task.environment.remove(name);
            }
            Ok(())
        }
    }
}

fn input(prompt: &str, question: &Question<'_>, wrong: Option<&Wrong>) -> String {
    let mut text = prompt.trim_end().to_owned();
    for (title, part) in &question.parts {
        let part = part.trim();
        if !part.is_empty() {
            text.extend(["\n\n## ", title, "\n\n", part]);
        }
    }
    text.push('\n');
    if let Some(Wrong { answer, errors }) = wrong {
        let end = answer.floor_char_boundary(LONGEST_QUOTE);
        let (what, errors) = (question.what, errors.join("\n- "));
        let again = format!(
            "\n## Your last answer was no {what}\n\nMend this and answer again, whole:\n\n- {errors}\n\nThe answer was:\n\n{}\n",
            &answer[..end]
        );
        text.push_str(&again);
    }
    text
}
