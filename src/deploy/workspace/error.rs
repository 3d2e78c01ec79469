//! Why a workspace could not be compared, or not be brought to what it should be.
//!
//! Always so: an error names the thing, and what to do next.

use super::Name;
use crate::deploy::PackagingError;
use crate::windmill::{ItemPath, WindmillError};

/// Why a workspace could not be compared or changed.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// Windmill did not do what it was asked.
    #[error(transparent)]
    Windmill(#[from] WindmillError),
    /// A script cannot be packaged so.
    #[error(transparent)]
    Packaging(#[from] PackagingError),
    /// There is no such workspace.
    #[error(
        "Windmill at {address} has no workspace {workspace:?}: name one that it has, or make it first"
    )]
    NoWorkspace {
        /// Windmill's address.
        address: String,
        /// The workspace's id.
        workspace: String,
    },
    /// What an earlier deployment left is not understood.
    #[error(
        "the variable {path} is no record of a deployment that this millwright understands ({reason}): use the millwright that wrote it, or remove the variable to have everything compared anew"
    )]
    Record {
        /// The variable.
        path: ItemPath,
        /// What is wrong with it.
        reason: String,
    },
    /// Things are not as they were written.
    #[error("{}", told(.0))]
    Faults(Vec<Fault>),
}

/// A thing that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The thing.
    pub name: Name,
    /// What is wrong with it.
    pub what: String,
}

fn told(faults: &[Fault]) -> String {
    let lines = faults.iter();
    let lines = lines.map(|fault| format!("{}: {}", fault.name, fault.what));
    lines.collect::<Vec<_>>().join("\n")
}
