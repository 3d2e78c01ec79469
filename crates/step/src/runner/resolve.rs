//! Resolution: from a step's entry in the spec to files, engine, model and limit.
//!
//! Always so: the order of candidates is the contract's, and where the spec came from plays no part.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use millwright_core::protocol::{Assignment, Kind, Outputs, StepSpec, short_hash};
use serde::Deserialize;
use serde_json::Value;

use super::files::{PathError, Places};
use super::settings::Settings;
use crate::engine::{Engine, Mode, Registry, Task};

/// The contract's engine of last resort.
const LAST_ENGINE: &str = "opencode";
/// The checking prompt where the step names none.
const QUALITY_PROMPT: &str = "prompts/quality-validator.prompt.md";

/// Why work cannot begin.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    #[error("the spec does not know this step: it has no prompt_ref")]
    NotInSpec,
    #[error("the step's entry in the spec is invalid: {0}")]
    BadEntry(String),
    #[error(transparent)]
    Path(#[from] PathError),
    #[error("prompt_ref: there is no {0}")]
    NoPrompt(String),
    #[error(
        "there is no prompt to check with: give the step a qa.prompt, or the workspace a {QUALITY_PROMPT}"
    )]
    NoQaPrompt,
    #[error("outputs: {0} is the prompt itself, and would be overwritten")]
    OverwritesPrompt(String),
    #[error("the engine {id} is not known: this version has {known}")]
    UnknownEngine { id: String, known: String },
}

/// A step's entry and the folders that its paths mean.
pub(super) struct Resolver<'a> {
    assignment: &'a Assignment,
    settings: &'a Settings,
    pub(super) spec: StepSpec,
    pub(super) places: Places,
}

/// Work that is ready to be done.
pub(super) struct EngineRun<'a> {
    pub(super) engine: &'a dyn Engine,
    pub(super) task: Task,
    pub(super) prompt_version: String,
}

/// A step's outputs, absolute.
pub(super) struct OutputFiles {
    pub(super) protocol: PathBuf,
    pub(super) aux: BTreeMap<String, PathBuf>,
}

impl ResolveError {
    /// Whether the spec, or what it names, is wrong, rather than this machine.
    pub(super) fn is_spec_error(&self) -> bool {
        !matches!(
            self,
            Self::UnknownEngine { .. } | Self::Path(PathError::NoWorkspace)
        )
    }

    /// The kind of failure, as events name it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::UnknownEngine { .. } => "UnknownEngine",
            Self::NoQaPrompt => "QaPromptMissing",
            Self::Path(PathError::NoWorkspace) => "NoWorkspace",
            _ => "SpecInvalid",
        }
    }
}

impl<'a> Resolver<'a> {
    pub(super) fn of(
        assignment: &'a Assignment,
        settings: &'a Settings,
    ) -> Result<Self, ResolveError> {
        let entry = assignment
            .step_spec
            .as_ref()
            .ok_or(ResolveError::NotInSpec)?;
        let spec = StepSpec::deserialize(entry)
            .map_err(|error| ResolveError::BadEntry(error.to_string()))?;
        let places = Places::find(
            assignment.workspace.as_deref(),
            assignment.protocol_root.as_deref(),
            &assignment.protocol_name,
        )?;
        Ok(Self {
            assignment,
            settings,
            spec,
            places,
        })
    }

    /// The step's own work.
    pub(super) fn execution<'e>(
        &self,
        engines: &'e Registry,
        outputs: &OutputFiles,
    ) -> Result<EngineRun<'e>, ResolveError> {
        let prompt = self.places.existing("prompt_ref", &self.spec.prompt_ref)?;
        if !prompt.exists() {
            return Err(ResolveError::NoPrompt(self.spec.prompt_ref.clone()));
        }
        if outputs.all().any(|path| *path == prompt) {
            return Err(ResolveError::OverwritesPrompt(prompt.display().to_string()));
        }
        let engine = self.engine(engines, Kind::Execute)?;
        let environment = self.environment(Kind::Execute, outputs, self.spec.inputs.as_ref());
        Ok(self.engine_run(engine, Kind::Execute, prompt, environment))
    }

    /// Its check.
    pub(super) fn check<'e>(
        &self,
        engines: &'e Registry,
        outputs: &OutputFiles,
        report: &Path,
    ) -> Result<EngineRun<'e>, ResolveError> {
        let prompt = self.qa_prompt()?;
        let engine = self.engine(engines, Kind::Qa)?;
        let mut environment = self.environment(Kind::Qa, outputs, self.spec.qa.inputs.as_ref());
        environment.insert("MILLWRIGHT_REPORT", report.display().to_string());
        Ok(self.engine_run(engine, Kind::Qa, prompt, environment))
    }

    fn qa_prompt(&self) -> Result<PathBuf, ResolveError> {
        if let Some(name) = &self.spec.qa.prompt {
            let prompt = self.places.existing("qa.prompt", name)?;
            if prompt.exists() {
                return Ok(prompt);
            }
        }
        let prompt = self.places.existing("qa.prompt", QUALITY_PROMPT)?;
        if prompt.exists() {
            Ok(prompt)
        } else {
            Err(ResolveError::NoQaPrompt)
        }
    }

    fn engine_run<'e>(
        &self,
        engine: &'e dyn Engine,
        kind: Kind,
        prompt: PathBuf,
        environment: BTreeMap<&'static str, String>,
    ) -> EngineRun<'e> {
        EngineRun {
            engine,
            prompt_version: prompt_version(&prompt),
            task: Task {
                mode: match kind {
                    Kind::Execute => Mode::Execute,
                    Kind::Qa => Mode::Qa,
                },
                input: text_of(&prompt),
                output_schema: None,
                prompt,
                directory: self.places.workspace.clone(),
                model: self.model(engine, kind),
                environment,
                limit: self.settings.limit(self.spec.timeout_seconds),
            },
        }
    }

    /// Where the output goes.
    pub(super) fn outputs(&self) -> Result<OutputFiles, ResolveError> {
        let name = &self.assignment.protocol_name;
        let given = self.spec.outputs.clone().unwrap_or_default();
        let standard = format!("outputs/{}.md", self.assignment.step_name.replace('/', "-"));
        let protocol = match &given.protocol {
            Some(path) => self.places.output("outputs.protocol", path, name)?,
            None => self.places.existing("outputs.protocol", &standard)?,
        };
        let mut aux = BTreeMap::new();
        for (key, path) in &given.aux {
            let what = format!("outputs.aux.{key}");
            aux.insert(key.clone(), self.places.output(&what, path, name)?);
        }
        Ok(OutputFiles { protocol, aux })
    }

    fn engine<'e>(
        &self,
        engines: &'e Registry,
        kind: Kind,
    ) -> Result<&'e dyn Engine, ResolveError> {
        let of_qa = self.spec.qa.engine_id.as_deref();
        let id = of_qa
            .filter(|_| kind == Kind::Qa)
            .or(self.spec.engine_id.as_deref())
            .or(self.assignment.engine_id.as_deref())
            .or(self.assignment.defaults.engine_id.as_deref())
            .or(self.settings.agent.as_deref())
            .or(self.settings.engine(kind))
            .unwrap_or(LAST_ENGINE);
        engines.get(id).ok_or_else(|| ResolveError::UnknownEngine {
            id: id.to_owned(),
            known: engines.ids().collect::<Vec<_>>().join(", "),
        })
    }

    fn model(&self, engine: &dyn Engine, kind: Kind) -> Option<String> {
        let defaults = &self.assignment.defaults;
        let model = match kind {
            Kind::Execute => {
                let own = self.spec.model.as_ref().or(self.assignment.model.as_ref());
                own.or(defaults.model.as_ref())
            }
            Kind::Qa => {
                let own = self.spec.qa.model.as_ref();
                own.or(defaults.qa_model.as_ref())
            }
        };
        model.cloned().or_else(|| {
            let last = self.settings.model(kind).or(engine.default_model());
            last.filter(|_| engine.takes_model()).map(str::to_owned)
        })
    }

    fn environment(
        &self,
        kind: Kind,
        outputs: &OutputFiles,
        inputs: Option<&serde_json::Map<String, Value>>,
    ) -> BTreeMap<&'static str, String> {
        let assignment = self.assignment;
        let inputs = Value::Object(inputs.cloned().unwrap_or_default());
        BTreeMap::from([
            ("MILLWRIGHT_MODE", kind.to_string()),
            ("MILLWRIGHT_STEP_RUN_ID", assignment.step_run_id.to_string()),
            ("MILLWRIGHT_STEP_NAME", assignment.step_name.clone()),
            (
                "MILLWRIGHT_PROTOCOL_RUN_ID",
                assignment.protocol_run_id.to_string(),
            ),
            ("MILLWRIGHT_PROTOCOL_NAME", assignment.protocol_name.clone()),
            (
                "MILLWRIGHT_PROTOCOL_ROOT",
                self.places.protocol_root.display().to_string(),
            ),
            (
                "MILLWRIGHT_WORKSPACE",
                self.places.workspace.display().to_string(),
            ),
            ("MILLWRIGHT_OUTPUT", outputs.protocol.display().to_string()),
            ("MILLWRIGHT_INPUTS", inputs.to_string()),
            (
                "MILLWRIGHT_CONTEXT",
                self.settings.context.clone().unwrap_or_default(),
            ),
        ])
    }
}

impl OutputFiles {
    /// Every file.
    pub(super) fn all(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.protocol).chain(self.aux.values())
    }

    /// The files as events name them.
    pub(super) fn on_record(&self) -> Outputs {
        let text = |path: &PathBuf| path.display().to_string();
        Outputs {
            protocol: Some(text(&self.protocol)),
            aux: self
                .aux
                .iter()
                .map(|(key, path)| (key.clone(), text(path)))
                .collect(),
        }
    }
}

/// The prompt as text. Not every prompt is text, and what cannot be read is told by the engine that needs it.
fn text_of(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The prompt's version: the hash of its bytes.
fn prompt_version(path: &Path) -> String {
    std::fs::read(path).map_or_else(|_| "missing".to_owned(), |bytes| short_hash(&bytes))
}
