//! Engines: what turns a prompt into output. One file each, behind one trait.
//!
//! Always so: an engine's processes are one group, which has a time limit and is ended whole; what is kept of its
//! output is bounded.

mod agents;
mod bounded;
mod cancel;
mod codemachine;
mod pipe;
mod process;
mod sentry;
mod shell;
mod usage;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

pub use agents::Agent;
pub use cancel::Cancel;
pub use codemachine::CodeMachine;
pub(crate) use process::run_command;
pub use shell::Shell;
pub use usage::Usage;

/// What an engine is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Write a plan.
    Plan,
    /// Do a step's work; the workspace may be written to.
    Execute,
    /// Check a step's work; the workspace is only read.
    Qa,
}

/// One run of an engine.
#[derive(Debug, Clone)]
pub struct Task {
    /// What it is to do.
    pub mode: Mode,
    /// The prompt's file.
    pub prompt: PathBuf,
    /// The whole text for an engine that reads text: the prompt, filled in, and what it is told beside it.
    pub input: String,
    /// The JSON Schema that the output is to conform to, for the engines that take one. It is no promise: the caller
    /// validates.
    pub output_schema: Option<Value>,
    /// Where it works.
    pub directory: PathBuf,
    /// The model that it uses.
    pub model: Option<String>,
    /// How much the model is to reason, in a word of the engine's own, for the engines that take one.
    pub effort: Option<String>,
    /// The project's engine, for an engine that hands the work to another one.
    pub fallback_engine: Option<String>,
    /// What it is told beside the prompt, as variables of its environment.
    pub environment: BTreeMap<&'static str, String>,
    /// How long it may take.
    pub limit: Duration,
}

/// What an engine yields.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineOutput {
    /// Its output, unchanged.
    pub output: Vec<u8>,
    /// What it spent, where it says so.
    pub usage: Option<Usage>,
    /// The model that it used, where it says so.
    pub model: Option<String>,
}

/// What accompanies a run: where its lines go, and how it is stopped.
pub struct Control<'a> {
    /// Takes each line as it comes.
    pub log: &'a (dyn LineSink + Sync),
    /// Stops it.
    pub cancel: &'a Cancel,
}

/// The variable that marks the processes of an execution.
pub const EXECUTION_ID: &str = "MILLWRIGHT_EXECUTION_ID";

/// Takes an engine's output, line by line, while it works.
pub trait LineSink {
    /// A line, without its end.
    fn line(&self, line: &str);

    /// The name under which the engine's processes can be found again: the value of [`EXECUTION_ID`] in their
    /// environment.
    fn execution_id(&self) -> Option<&str> {
        None
    }
}

/// Why an engine yields nothing.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The prompt cannot be used.
    #[error("the prompt {path} {problem}", path = path.display())]
    BadPrompt {
        /// The prompt's file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// The program is not there.
    #[error("{program} is not installed: run `{install}`, or say in {variable} where it is")]
    NotInstalled {
        /// What was to be started.
        program: &'static str,
        /// How it is installed.
        install: &'static str,
        /// The variable that says where it is.
        variable: &'static str,
    },
    /// No process could be started.
    #[error("{program} cannot be started: {reason}")]
    NotStarted {
        /// What was to be started.
        program: String,
        /// What the system says.
        reason: std::io::Error,
    },
    /// An agent says that it failed.
    #[error("{program} failed: {message}")]
    Agent {
        /// What ran.
        program: &'static str,
        /// What it says.
        message: String,
    },
    /// It ended, and not well.
    #[error("{program} ended with {how}{}", tail(.stderr))]
    Failed {
        /// What ran.
        program: String,
        /// Its exit code or signal.
        how: String,
        /// The end of what it wrote to stderr.
        stderr: String,
    },
    /// Its time was over.
    #[error("{program} took longer than {} s and was ended", .limit.as_secs())]
    TimedOut {
        /// What ran.
        program: String,
        /// Its limit.
        limit: Duration,
    },
    /// It wrote more than is kept.
    #[error("{program} wrote more than {limit} bytes and was ended")]
    TooMuchOutput {
        /// What ran.
        program: String,
        /// How much is kept.
        limit: usize,
    },
    /// Someone stopped it.
    #[error("it was stopped")]
    Cancelled,
}

/// A program that an engine needs.
pub struct Needed {
    /// The engine.
    pub engine: &'static str,
    /// Asks it for its version.
    pub version: std::process::Command,
    /// What an engine says that does not find it.
    pub missing: EngineError,
}

/// Turns prompts into output.
pub trait Engine: Send + Sync {
    /// Its name in specs.
    fn id(&self) -> &'static str;

    /// Whether a model can be chosen for it.
    fn takes_model(&self) -> bool {
        true
    }

    /// The model that it uses where nobody names one; `None` where that is its own affair.
    fn default_model(&self) -> Option<&'static str>;

    /// Whether it reads the prompt as text. One that does not executes its file.
    fn reads_text(&self) -> bool {
        true
    }

    /// Whether a step's `inputs` are for the engine itself, and no part of the text.
    fn keeps_inputs(&self) -> bool {
        false
    }

    /// The program that it needs; nothing where every machine has what it needs.
    fn program(&self) -> Option<Needed> {
        None
    }

    /// The text that it is about to read: what the task says, and what it puts to that itself.
    ///
    /// # Errors
    /// [`EngineError`] where there is more that cannot be read.
    fn text<'t>(&self, task: &'t Task) -> Result<Cow<'t, str>, EngineError> {
        Ok(Cow::Borrowed(&task.input))
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// [`EngineError`]: whatever it yielded until then does not count.
    fn run(&self, task: &Task, control: &Control<'_>) -> Result<EngineOutput, EngineError>;
}

/// The engines that there are.
pub struct Registry {
    engines: BTreeMap<&'static str, Box<dyn Engine>>,
}

impl EngineError {
    /// The kind of failure, as events name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::BadPrompt { .. } => "BadPrompt",
            Self::NotStarted { .. } => "EngineNotStarted",
            Self::NotInstalled { .. } => "EngineNotInstalled",
            Self::Agent { .. } | Self::Failed { .. } => "EngineFailed",
            Self::TimedOut { .. } => "TimedOut",
            Self::TooMuchOutput { .. } => "TooMuchOutput",
            Self::Cancelled => "Cancelled",
        }
    }

    /// Whether the engine has begun to work before it failed.
    pub(crate) fn has_begun(&self) -> bool {
        !matches!(
            self,
            Self::BadPrompt { .. } | Self::NotStarted { .. } | Self::NotInstalled { .. }
        )
    }
}

impl Registry {
    /// A registry without engines.
    pub fn empty() -> Self {
        Self {
            engines: BTreeMap::new(),
        }
    }

    /// The same with one more engine, or with another one of that name.
    #[must_use]
    pub fn with(mut self, engine: impl Engine + 'static) -> Self {
        self.engines.insert(engine.id(), Box::new(engine));
        self
    }

    /// An engine by its name in specs.
    pub fn get(&self, id: &str) -> Option<&dyn Engine> {
        self.engines.get(id).map(AsRef::as_ref)
    }

    /// The names of all.
    pub fn ids(&self) -> impl Iterator<Item = &'static str> {
        self.engines.keys().copied()
    }
}

impl Default for Registry {
    /// The engines of this version.
    fn default() -> Self {
        Self::without_workspaces().with(CodeMachine::over(Self::without_workspaces()))
    }
}

impl Registry {
    /// The engines that an agent of a workspace may have.
    fn without_workspaces() -> Self {
        Self::empty()
            .with(Shell)
            .with(Agent::codex())
            .with(Agent::opencode())
            .with(Agent::claude_code())
            .with(Agent::gemini())
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.ids()).finish()
    }
}

fn tail(stderr: &str) -> String {
    if stderr.trim().is_empty() {
        String::new()
    } else {
        format!(": {}", stderr.trim())
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
