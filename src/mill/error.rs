//! What goes wrong before a job runs, or keeps the mill from going on.
//!
//! Always so: what a flow itself does wrong is no error here but its job's result.

use std::path::PathBuf;

use millwright_core::openflow::OpenFlowError;
use millwright_core::refs::JobId;

use crate::store::StoreError;

/// Why a job was not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum MillError {
    /// A flow or script is not there.
    #[error("there is no {what} {path}: looked for {}", file.display())]
    Missing {
        /// `flow` or `script`.
        what: &'static str,
        /// Its path, as a flow names it.
        path: String,
        /// The file that was looked for.
        file: PathBuf,
    },
    /// A path is none.
    #[error(
        "{0:?} is not a path of a flow or script: use f/folder/name or u/folder/name, with letters, digits, '_', '-' and '.'"
    )]
    BadPath(String),
    /// A file cannot be read.
    #[error("cannot read {}: {reason}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A file of the project is not what it should be.
    #[error("cannot use {}: {reason}", file.display())]
    BadFile {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, and where.
        reason: String,
    },
    /// A file holds no flow.
    #[error("{} is no flow: {error}", file.display())]
    NotAFlow {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, and where.
        error: OpenFlowError,
    },
    /// A run cannot begin at a step of an earlier one.
    #[error("job {job} cannot be run again from there: {reason}")]
    NotAgain {
        /// The earlier run.
        job: JobId,
        /// Why not.
        reason: String,
    },
    /// The flow uses what the mill does not do. Nothing of it was run.
    #[error("the mill cannot run this flow, and has run nothing of it:\n{}", .0.join("\n"))]
    Refused(Vec<String>),
    /// The database does not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system does not do its part.
    #[error("the mill cannot go on: {0}")]
    System(#[from] std::io::Error),
}
