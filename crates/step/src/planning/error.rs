//! Why there is no plan.
//!
//! Always so: the error names the engine where one ran, and what to do where a person has to.

use std::path::{Path, PathBuf};

use crate::engine::EngineError;
use crate::workspace::WorkspaceError;

/// Why a protocol could not be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanningError {
    /// There is no folder to plan in.
    #[error(
        "the project has no folder on this machine: give it a local_path, or the protocol a spec"
    )]
    NoWorkspace,
    /// Nobody said what is wanted.
    #[error(
        "the protocol has no spec: give template_config.protocol_spec when creating it, files of steps in its folder, or a description to plan from"
    )]
    NothingAsked,
    /// The engine is not there.
    #[error("the engine {id} is not known: this version has {known}")]
    UnknownEngine {
        /// Its name.
        id: String,
        /// The names of all.
        known: String,
    },
    /// The engine failed.
    #[error("{source}")]
    Engine {
        /// Its name.
        id: String,
        /// How.
        source: EngineError,
    },
    /// What it answered is no plan, twice.
    #[error("the answer of the engine {id} is no {what}, also after it was told why: {}", .errors.join("; "))]
    NoPlan {
        /// The engine.
        id: String,
        /// What it was to be.
        what: &'static str,
        /// What is wrong with the answer.
        errors: Vec<String>,
    },
    /// What is asked does not fit into a variable, and the engine reads nothing else.
    #[error(
        "{name} is longer than {limit} bytes, and the engine {id} is told it by that variable: say it in fewer words, or have an engine plan that reads text"
    )]
    TooLong {
        /// The engine.
        id: String,
        /// The variable.
        name: String,
        /// How much fits.
        limit: usize,
    },
    /// A document cannot be read or written.
    #[error("{}: {problem}", path.display())]
    Document {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// The prompt cannot be used.
    #[error("{0}")]
    Prompt(String),
    /// A file or git is in the way.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
}

impl PlanningError {
    /// A document cannot be read or written.
    pub(super) fn document(path: &Path, problem: impl std::fmt::Display) -> Self {
        Self::Document {
            path: path.to_owned(),
            problem: problem.to_string(),
        }
    }

    /// The kind of failure, as events name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoWorkspace => "NoWorkspace",
            Self::NothingAsked => "SpecMissing",
            Self::UnknownEngine { .. } => "UnknownEngine",
            Self::Engine { source, .. } => source.kind(),
            Self::NoPlan { .. } => "InvalidPlan",
            Self::TooLong { .. } => "RequestTooLong",
            Self::Document { .. } => "BadDocument",
            Self::Prompt(_) => "BadPrompt",
            Self::Workspace(error) => error.kind(),
        }
    }

    /// The engine that was asked, or was to be.
    pub fn engine_id(&self) -> Option<&str> {
        match self {
            Self::UnknownEngine { id, .. }
            | Self::Engine { id, .. }
            | Self::NoPlan { id, .. }
            | Self::TooLong { id, .. } => Some(id),
            Self::NoWorkspace
            | Self::NothingAsked
            | Self::Prompt(_)
            | Self::Document { .. }
            | Self::Workspace(_) => None,
        }
    }

    /// What the engine wrote to stderr before it failed.
    pub fn stderr(&self) -> Option<&str> {
        match self {
            Self::Engine {
                source: EngineError::Failed { stderr, .. },
                ..
            } => Some(stderr),
            _ => None,
        }
    }
}
