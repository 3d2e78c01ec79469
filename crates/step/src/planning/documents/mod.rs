//! The documents of a feature: specification, plan and task list, written by an engine or filled in from templates.
//!
//! Always so: only a document without a fault is written, and never over a file that a person wrote or changed.

mod discovery;
mod drawer;
mod feature;
mod kind;
mod template;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use millwright_core::catalog::Object;
use millwright_core::protocol::ProjectDefaults;
use millwright_core::protocol::import::tasks::{self, TaskList};
use serde_json::json;

pub(crate) use discovery::{Discovered, STAGES};
pub(crate) use feature::{Feature, slug};
pub(crate) use kind::TEMPLATES;
pub(super) use kind::{document_in, heading};

use super::ask::{Asked, Question, Stage};
use super::{Planner, PlanningError, prompt};
pub(crate) use drawer::inside;
use drawer::{Drawer, read};
use kind::Kind;
use template::Words;

/// The name under which documents are filled in from templates, without an engine.
pub(crate) const TEMPLATE: &str = "template";
/// What a project tells engines about itself.
const MEMORY: &str = ".specify/memory";
/// The rules of a project.
const CONSTITUTION: &str = ".specify/memory/constitution.md";

/// Writes documents.
pub(crate) struct Writer<'a> {
    /// Asks engines.
    pub(crate) planner: &'a Planner<'a>,
    /// What the project says about engines.
    pub(crate) defaults: &'a ProjectDefaults,
    /// The project's folder, without links in it.
    pub(crate) root: &'a Path,
    /// The moment.
    pub(crate) now: &'a str,
}

/// A document that is written.
#[derive(Debug)]
pub(crate) struct Written {
    /// Its file.
    pub(crate) path: PathBuf,
    /// What was asked of an engine for it.
    pub(crate) asked: Asked,
}

/// What a document is made from.
#[derive(Default)]
struct Source {
    words: Words,
    parts: Vec<(&'static str, String)>,
    /// The file that it follows from.
    path: String,
}

impl Writer<'_> {
    /// Writes a feature's specification.
    ///
    /// # Errors
    /// [`PlanningError`]: nothing was written.
    pub(crate) fn specification(
        &self,
        feature: &Feature,
        request: &str,
        constitution: Option<&str>,
    ) -> Result<Written, PlanningError> {
        let mut words = self.words(&feature.name, &feature.branch);
        request.clone_into(&mut words.request);
        let source = Source {
            parts: vec![
                ("The feature", feature.branch.clone()),
                ("The request", request.to_owned()),
                ("The constitution", self.constitution(constitution)?),
            ],
            words,
            path: String::new(),
        };
        let drawer = Drawer::open(self.root, &feature.folder)?;
        drawer.refuse_changed(feature.spec)?;
        let (text, asked) = self.draft(Kind::Specification, &source)?;
        let mut facts = Object::new();
        facts.insert("spec_generated_at".to_owned(), json!(self.now));
        facts.insert("feature_name".to_owned(), json!(feature.name));
        facts.insert("spec_number".to_owned(), json!(feature.number));
        let path = drawer.keep(feature.spec, &text, facts)?;
        Ok(Written { path, asked })
    }

    /// Writes the plan of a specification, beside it.
    ///
    /// # Errors
    /// [`PlanningError`]: nothing was written.
    pub(crate) fn plan(&self, spec: &Path, hints: &str) -> Result<Written, PlanningError> {
        let (drawer, mut source) = self.beside(spec)?;
        hints.clone_into(&mut source.words.hints);
        source.parts = vec![
            ("The specification", read(spec)?),
            ("What the plan has to respect", hints.to_owned()),
            ("The constitution", self.constitution(None)?),
        ];
        drawer.refuse_changed("plan.md")?;
        let (text, asked) = self.draft(Kind::Plan, &source)?;
        let mut facts = Object::new();
        facts.insert("plan_generated_at".to_owned(), json!(self.now));
        if !hints.trim().is_empty() {
            facts.insert("tech_hints".to_owned(), json!(hints));
        }
        let path = drawer.keep("plan.md", &text, facts)?;
        Ok(Written { path, asked })
    }

    /// Writes the task list of a plan, beside it, with the tasks' dependencies in `_runtime/dag.json`.
    ///
    /// # Errors
    /// [`PlanningError`]: nothing was written.
    pub(crate) fn tasks(&self, plan: &Path) -> Result<(Written, TaskList), PlanningError> {
        let (drawer, mut source) = self.beside(plan)?;
        source.parts = vec![
            ("The plan", read(plan)?),
            ("The specification", drawer.specification()?),
        ];
        drawer.refuse_changed("tasks.md")?;
        let (text, asked) = self.draft(Kind::Tasks, &source)?;
        let list = tasks::read(&text).map_err(|error| PlanningError::document(plan, error))?;
        let mut facts = Object::new();
        facts.insert("tasks_generated_at".to_owned(), json!(self.now));
        facts.insert("task_count".to_owned(), json!(list.tasks.len()));
        let path = drawer.keep("tasks.md", &text, facts)?;
        drawer.keep_runtime("dag.json", &list.dag())?;
        Ok((Written { path, asked }, list))
    }

    /// What a document that stands beside another is made from.
    fn beside(&self, file: &Path) -> Result<(Drawer, Source), PlanningError> {
        let folder = file.parent().unwrap_or(self.root);
        let drawer = Drawer::open(self.root, folder)?;
        let branch = folder.file_name().unwrap_or_default().to_string_lossy();
        let path = file.strip_prefix(self.root).unwrap_or(file);
        let path = path.display().to_string();
        let source = Source {
            words: Words {
                path: path.clone(),
                ..self.words(feature::name_of(&branch), &branch)
            },
            path,
            parts: Vec::new(),
        };
        Ok((drawer, source))
    }

    fn words(&self, name: &str, branch: &str) -> Words {
        Words {
            name: name.to_owned(),
            branch: branch.to_owned(),
            date: self.now.split('T').next().unwrap_or_default().to_owned(),
            ..Words::default()
        }
    }

    fn constitution(&self, given: Option<&str>) -> Result<String, PlanningError> {
        if let Some(given) = given.filter(|text| !text.trim().is_empty()) {
            return Ok(given.to_owned());
        }
        let own = self.root.join(CONSTITUTION);
        if own.symlink_metadata().is_err() {
            return Ok(String::new());
        }
        read(&inside(self.root, CONSTITUTION)?)
    }

    /// The text of a document: filled in where no engine is named, else asked for.
    fn draft(&self, kind: Kind, source: &Source) -> Result<(String, Asked), PlanningError> {
        let template = prompt::find(self.root, kind.template(), true)?;
        let text = template.text.as_deref().unwrap_or_default();
        let named = self.defaults.engine_id.as_deref();
        let named = named.or(self.planner.settings.named_planning_engine());
        if named.is_none_or(|id| id == TEMPLATE) {
            self.planner.log.line(&format!(
                "millwright: the {} is filled in from a template",
                kind.what()
            ));
            let text = kind.read(&template::fill(text, &source.words));
            let text =
                text.map_err(|errors| PlanningError::document(&template.path, errors.join("; ")))?;
            return Ok((text, Asked::of_template(kind.what(), template.version)));
        }
        let mut parts = source.parts.clone();
        parts.push(("The template", text.to_owned()));
        let question = Question {
            what: kind.what(),
            purpose: kind.what(),
            stage: Stage::Plan,
            prompt: kind.prompt(),
            defaults: self.defaults,
            folder: self.root,
            parts,
            output_schema: None,
            environment: BTreeMap::from([
                ("MILLWRIGHT_DOCUMENT", kind.what().to_owned()),
                ("MILLWRIGHT_REQUEST", source.words.request.clone()),
                ("MILLWRIGHT_SOURCE", source.path.clone()),
                ("MILLWRIGHT_HINTS", source.words.hints.clone()),
            ]),
        };
        let grounding = self.planner.settings.grounding;
        self.planner.ask(&question, |answer| {
            let text = kind.read(answer)?;
            let missing = kind.missing(&text, self.root, grounding);
            if missing.is_empty() {
                Ok(text)
            } else {
                Err(missing)
            }
        })
    }
}
