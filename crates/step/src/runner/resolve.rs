//! Resolution: from a step's entry in the spec to files, prompt, engine, model and limit.
//!
//! Always so: the order of candidates is the contract's, and where the spec came from plays no part.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use millwright_core::protocol::placeholders::{self, MissingPlaceholders, Values};
use millwright_core::protocol::{
    Assignment, FailureKind, Kind, LONGEST_INPUTS, StepSpec, answers_as_text, complaint_of_inputs,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::choose;
use super::files::{PathError, Places};
use super::input::Input;
use super::last_try;
use super::outputs::{self, OutputFiles};
use super::prompt::{AUTO_FIX, Bundled, Prompt, PromptError, QUALITY};
use super::settings::Settings;
use super::tokens::tokens_read;
use crate::engine::{Engine, Mode, Registry, Task};
use crate::placeholders::{LONGEST_FILLED, length_filled, value_of};
use crate::workspace::Workspace;

/// Why work cannot begin.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    #[error("the spec does not know this step: it has no prompt_ref")]
    NotInSpec,
    #[error("the step's entry in the spec is invalid: {0}")]
    BadEntry(String),
    #[error(transparent)]
    Path(#[from] PathError),
    #[error("{what}: there is no {name} {place}")]
    NoPrompt {
        what: &'static str,
        name: String,
        place: String,
    },
    #[error(transparent)]
    BadPrompt(#[from] PromptError),
    #[error(transparent)]
    Placeholders(#[from] MissingPlaceholders),
    #[error("{path} would be longer than {LONGEST_FILLED} bytes with its placeholders filled in")]
    TooLong { path: String },
    #[error(
        "there is no prompt to check with: the engine {engine} executes its prompts; give the step a qa.prompt, or the \
         workspace an executable {name}",
        name = QUALITY.name
    )]
    NoQaPrompt { engine: String },
    #[error("outputs: {0} is the prompt itself, and would be overwritten")]
    OverwritesPrompt(String),
    #[error("the engine {id} is not known: this version has {known}")]
    UnknownEngine { id: String, known: String },
}

/// A step's entry and the folders that its paths mean.
pub(super) struct Resolver<'a> {
    pub(super) assignment: &'a Assignment,
    pub(super) settings: &'a Settings,
    pub(super) spec: StepSpec,
    pub(super) places: Places,
    values: Values,
}

/// Work that is ready to be done.
pub(super) struct EngineRun<'a> {
    pub(super) engine: &'a dyn Engine,
    pub(super) task: Task,
    pub(super) prompt_version: String,
    /// What the engine is about to read.
    pub(super) tokens: u64,
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
            Self::NoQaPrompt { .. } => "QaPromptMissing",
            Self::NoPrompt { what, .. } if *what != "prompt_ref" => "QaPromptMissing",
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
        let spec = entry(assignment)?;
        let places = Places::find(
            assignment.workspace.as_deref(),
            assignment.protocol_root.as_deref(),
            &assignment.protocol_name,
            assignment.defaults.allow_outside_paths,
        )?;
        let values = placeholders::values(&assignment.placeholders, |source| {
            value_of(source, |name| places.existing("placeholders", name).ok())
        });
        Ok(Self {
            assignment,
            settings,
            spec,
            places,
            values,
        })
    }

    /// The protocol's folder, where it was not there, as people find it.
    pub(super) fn made(&self, workspace: &Workspace) -> Option<String> {
        let path = workspace.published_path(&self.places.protocol_root);
        self.places.made.then(|| path.display().to_string())
    }

    /// The step's own work.
    pub(super) fn execution<'e>(
        &self,
        engines: &'e Registry,
        outputs: &OutputFiles,
    ) -> Result<EngineRun<'e>, ResolveError> {
        let path = self.existing("prompt_ref", &self.spec.prompt_ref)?;
        if outputs.all().any(|output| *output == path) {
            return Err(ResolveError::OverwritesPrompt(path.display().to_string()));
        }
        let engine = self.engine(engines, Kind::Execute)?;
        let prompt = Prompt::read("prompt_ref", &path, engine.reads_text())?;
        let inputs = self.spec.inputs.as_ref();
        let environment = self.environment(Kind::Execute, outputs, inputs);
        let mut input = self.input(&prompt)?;
        let last_try = last_try::text(self.assignment, &self.places.protocol_root);
        input.part("The last try", &last_try);
        self.add_told(&mut input, engine, inputs);
        Ok(self.engine_run(engine, Kind::Execute, prompt, input, environment))
    }

    /// Its check. `context` says what there is to judge.
    pub(super) fn check<'e>(
        &self,
        engines: &'e Registry,
        outputs: &OutputFiles,
        report: &Path,
        (variables, context): (Vec<(&'static str, String)>, impl FnOnce(&mut Input)),
    ) -> Result<EngineRun<'e>, ResolveError> {
        let engine = self.engine(engines, Kind::Qa)?;
        let prompt =
            self.prompt_of("qa.prompt", self.spec.qa.prompt.as_deref(), QUALITY, engine)?;
        let prompt = prompt.ok_or_else(|| ResolveError::NoQaPrompt {
            engine: engine.id().to_owned(),
        })?;
        let inputs = self.spec.qa.inputs.as_ref();
        let mut environment = self.environment(Kind::Qa, outputs, inputs);
        environment.insert("MILLWRIGHT_REPORT", report.display().to_string());
        environment.extend(variables);
        let mut input = self.input(&prompt)?;
        context(&mut input);
        input.values("What the step was given", self.spec.inputs.as_ref());
        self.add_told(&mut input, engine, inputs);
        Ok(self.engine_run(engine, Kind::Qa, prompt, input, environment))
    }

    /// The mending of what its check found; none where its engine executes prompts and the step names none for that.
    pub(super) fn fix<'e>(
        &self,
        engines: &'e Registry,
        outputs: &OutputFiles,
        report: &Path,
        (failure, findings): (FailureKind, &str),
    ) -> Result<Option<EngineRun<'e>>, ResolveError> {
        let engine = self.engine(engines, Kind::Execute)?;
        let named = self.spec.qa.fix_prompt.as_deref();
        let Some(prompt) = self.prompt_of("qa.fix_prompt", named, AUTO_FIX, engine)? else {
            return Ok(None);
        };
        let mut environment = self.environment(Kind::Execute, outputs, None);
        environment.insert("MILLWRIGHT_MODE", "fix".to_owned());
        environment.insert("MILLWRIGHT_FAILURE", failure.to_string());
        environment.insert("MILLWRIGHT_REPORT", report.display().to_string());
        let mut input = self.input(&prompt)?;
        input.part(&format!("Findings ({failure})"), findings);
        Ok(Some(self.engine_run(
            engine,
            Kind::Execute,
            prompt,
            input,
            environment,
        )))
    }

    /// Where the output goes.
    pub(super) fn outputs(&self) -> Result<OutputFiles, ResolveError> {
        let engine = choose::engine(Kind::Execute, &self.spec, self.assignment, self.settings);
        let assignment = self.assignment;
        let files = outputs::resolve(&self.spec, assignment, engine, &self.places)?;
        Ok(files)
    }

    /// What another prompt is: the one that the step names, else the workspace's, else the one that comes with millwright,
    /// where the engine reads text.
    fn prompt_of(
        &self,
        what: &'static str,
        named: Option<&str>,
        bundled: Bundled,
        engine: &dyn Engine,
    ) -> Result<Option<Prompt>, ResolveError> {
        let own = named.filter(|name| *name != bundled.name);
        let path = match own {
            Some(name) => self.existing(what, name)?,
            None => self.places.existing(what, bundled.name)?,
        };
        if path.exists() {
            return Ok(Some(Prompt::read(what, &path, engine.reads_text())?));
        }
        Ok(engine.reads_text().then(|| bundled.prompt()))
    }

    fn existing(&self, what: &'static str, name: &str) -> Result<PathBuf, ResolveError> {
        let name = placeholders::fill_path(name, &self.values)?;
        let path = self.places.existing(what, &name)?;
        if path.exists() {
            Ok(path)
        } else {
            let place = self.places.searched();
            Err(ResolveError::NoPrompt { what, name, place })
        }
    }

    fn input(&self, prompt: &Prompt) -> Result<Input, ResolveError> {
        let text = prompt.text.as_deref().unwrap_or_default();
        if length_filled(text, &self.values) > LONGEST_FILLED {
            let path = prompt.path.display().to_string();
            return Err(ResolveError::TooLong { path });
        }
        Ok(Input::of(&placeholders::fill(text, &self.values)?))
    }

    /// Adds what the step and the caller tell the engine.
    fn add_told(
        &self,
        input: &mut Input,
        engine: &dyn Engine,
        inputs: Option<&Map<String, Value>>,
    ) {
        input.values("Inputs", inputs.filter(|_| !engine.keeps_inputs()));
        input.part("Answers", &answers_as_text(&self.assignment.answers));
        input.part(
            "Context",
            self.settings.context.as_deref().unwrap_or_default(),
        );
    }

    fn engine_run<'e>(
        &self,
        engine: &'e dyn Engine,
        kind: Kind,
        prompt: Prompt,
        input: Input,
        environment: BTreeMap<&'static str, String>,
    ) -> EngineRun<'e> {
        let task = Task {
            mode: match kind {
                Kind::Execute => Mode::Execute,
                Kind::Qa => Mode::Qa,
            },
            input: input.into_text(),
            output_schema: None,
            effort: None,
            fallback_engine: self.assignment.defaults.engine_id.clone(),
            prompt: prompt.path,
            directory: self.places.workspace.clone(),
            model: self.model(engine, kind),
            environment,
            limit: self.settings.limit(self.spec.timeout_seconds),
        };
        EngineRun {
            engine,
            prompt_version: prompt.version,
            tokens: tokens_read(engine, &task, prompt.text.as_deref()),
            task,
        }
    }

    fn engine<'e>(
        &self,
        engines: &'e Registry,
        kind: Kind,
    ) -> Result<&'e dyn Engine, ResolveError> {
        let id = choose::engine(kind, &self.spec, self.assignment, self.settings);
        engines.get(id).ok_or_else(|| ResolveError::UnknownEngine {
            id: id.to_owned(),
            known: engines.ids().collect::<Vec<_>>().join(", "),
        })
    }

    fn model(&self, engine: &dyn Engine, kind: Kind) -> Option<String> {
        let of_engine = engine.default_model();
        let (assignment, settings) = (self.assignment, self.settings);
        let takes = engine.takes_model();
        takes.then(|| choose::model(kind, &self.spec, assignment, settings, of_engine))?
    }

    fn environment(
        &self,
        kind: Kind,
        outputs: &OutputFiles,
        inputs: Option<&Map<String, Value>>,
    ) -> BTreeMap<&'static str, String> {
        let assignment = self.assignment;
        let inputs = Value::Object(inputs.cloned().unwrap_or_default());
        let shown = |path: &Path| path.display().to_string();
        let context = self.settings.context.as_deref().unwrap_or_default();
        let context = &context[..context.floor_char_boundary(LONGEST_INPUTS)];
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
                shown(&self.places.protocol_root),
            ),
            ("MILLWRIGHT_WORKSPACE", shown(&self.places.workspace)),
            ("MILLWRIGHT_OUTPUT", shown(&outputs.protocol)),
            ("MILLWRIGHT_INPUTS", inputs.to_string()),
            ("MILLWRIGHT_CONTEXT", context.to_owned()),
            ("MILLWRIGHT_ANSWERS", answers_as_text(&assignment.answers)),
        ])
    }
}

/// The step's entry; `prompt` and `file` are older names of `prompt_ref`.
fn entry(assignment: &Assignment) -> Result<StepSpec, ResolveError> {
    let mut entry = assignment
        .step_spec
        .clone()
        .ok_or(ResolveError::NotInSpec)?;
    if let Some(fields) = entry.as_object_mut()
        && !fields.contains_key("prompt_ref")
    {
        let older = ["prompt", "file"].iter().find_map(|key| fields.get(*key));
        if let Some(prompt) = older.cloned() {
            fields.insert("prompt_ref".to_owned(), prompt);
        }
    }
    let bad = ResolveError::BadEntry;
    let spec = StepSpec::deserialize(entry).map_err(|error| bad(error.to_string()))?;
    for inputs in [&spec.inputs, &spec.qa.inputs].into_iter().flatten() {
        if let Some(complaint) = complaint_of_inputs(inputs) {
            return Err(bad(format!("inputs: {complaint}")));
        }
    }
    Ok(spec)
}
