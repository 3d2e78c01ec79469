//! Why a step failed.
//!
//! Always so: a message names what is wrong and where; what a machine may want beside it is in the details.

use std::io;
use std::path::Path;

use millwright_core::catalog::Object;
use serde_json::Value;

use crate::client::ClientError;
use crate::exit::Exit;
#[cfg(feature = "native")]
use crate::host::ProcessError;
#[cfg(feature = "native")]
use crate::workspace::WorkspaceError;

/// Why a step has no result.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// An argument is missing, unknown or wrong.
    #[error("{0}")]
    BadArguments(String),
    /// The environment lacks what the step needs.
    #[error("{0}")]
    BadEnvironment(String),
    /// The API did not answer, or refused.
    #[error(transparent)]
    Api(#[from] ClientError),
    /// What was waited for did not come in time.
    #[error("{message}")]
    TimedOut {
        /// What, and after how long.
        message: String,
        /// What is known of it.
        details: Object,
    },
    /// The work itself failed.
    #[error("{message}")]
    Failed {
        /// What went wrong.
        message: String,
        /// What is known of it.
        details: Object,
    },
    /// Another program could not do its work.
    #[cfg(feature = "native")]
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A file or folder could not be read or written.
    #[error("{path}: {reason}")]
    File {
        /// Which.
        path: String,
        /// What the system says.
        reason: io::Error,
    },
    /// Work in git cannot begin, or be merged.
    #[cfg(feature = "native")]
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
}

impl StepError {
    /// The work itself failed, and there is nothing more to say.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
            details: Object::new(),
        }
    }

    /// An argument's value cannot be used.
    pub fn bad_argument(name: &str, problem: impl std::fmt::Display) -> Self {
        Self::BadArguments(format!("argument {name}: {problem}"))
    }

    /// A file or folder could not be read or written.
    pub fn file(path: &Path, reason: io::Error) -> Self {
        Self::File {
            path: path.display().to_string(),
            reason,
        }
    }

    /// How the program then ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::BadArguments(_)
            | Self::BadEnvironment(_)
            | Self::Api(ClientError::BadAddress { .. } | ClientError::BadToken) => Exit::BadInput,
            Self::Api(_) => Exit::Unavailable,
            Self::TimedOut { .. } | Self::Failed { .. } | Self::File { .. } => Exit::Failed,
            #[cfg(feature = "native")]
            Self::Process(_) | Self::Workspace(_) => Exit::Failed,
        }
    }

    /// The error as a job's result: `name`, `message`, and the details.
    pub fn to_json(&self) -> Value {
        let mut object = Object::new();
        object.insert("name".to_owned(), self.name().into());
        object.insert("message".to_owned(), self.to_string().into());
        match self {
            Self::TimedOut { details, .. } | Self::Failed { details, .. } => {
                object.extend(details.clone());
            }
            Self::Api(error) => {
                let status = error
                    .status()
                    .map(|status| ("status_code".to_owned(), status.into()));
                object.extend(status);
            }
            _ => {}
        }
        Value::Object(object)
    }

    fn name(&self) -> &'static str {
        match self {
            Self::BadArguments(_) => "BadArguments",
            Self::BadEnvironment(_) => "BadEnvironment",
            Self::Api(_) => "ApiError",
            Self::TimedOut { .. } => "TimedOut",
            Self::Failed { .. } => "StepFailed",
            #[cfg(feature = "native")]
            Self::Process(_) => "ProgramError",
            Self::File { .. } => "FileError",
            #[cfg(feature = "native")]
            Self::Workspace(error) => error.kind(),
        }
    }
}
