//! What a project says beside its flows and scripts: programs that run scripts, variables and resources.
//!
//! Always so: it is read when a job is started, so that a job sees what is there then, and nothing that changes later.

mod file;
mod interpreters;
mod references;
mod resources;
mod secrets;

use std::path::Path;

pub(super) use interpreters::{Interpreters, Runtime};
pub(super) use resources::Resources;
pub(super) use secrets::Secrets;

use super::MillError;

/// What a project says beside its flows and scripts.
#[derive(Debug, Default)]
pub(super) struct Project {
    /// What runs scripts.
    pub(super) interpreters: Interpreters,
    /// Variables and resources.
    pub(super) resources: Resources,
    /// What is to be written nowhere.
    pub(super) secrets: Secrets,
}

impl Project {
    /// Reads a project's files. Programs are looked for in the folders of `search`, as `PATH` has them.
    ///
    /// # Errors
    /// [`MillError::BadFile`] where a file is not what it should be.
    pub(super) fn read(root: &Path, search: &str) -> Result<Self, MillError> {
        let resources = Resources::read(root)?;
        Ok(Self {
            interpreters: Interpreters::read(root, search)?,
            secrets: Secrets::of(&resources),
            resources,
        })
    }
}
