//! Git as the steps use it, for a repository with an address.
//!
//! Always so: nothing from outside becomes an option of git, and a secret in an address reaches neither its arguments nor its
//! configuration on disk nor a message.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::StepError;
use crate::host::{Finished, Host, Processes, Program};
use crate::workspace::{Address, REDIRECTING, environment};

/// The ways to reach a repository that git may use; `ext::` would run any program.
const PROTOCOLS: &str = "https:http:ssh:git:file";

/// Git, for one repository.
#[derive(Debug)]
pub(super) struct Git<'a, H> {
    host: &'a H,
    address: &'a Address,
}

impl<'a, H: Host + Processes> Git<'a, H> {
    pub(super) fn new(host: &'a H, address: &'a Address) -> Self {
        Self { host, address }
    }

    /// Runs git and gives what it printed, without the line end.
    ///
    /// # Errors
    /// When it cannot be run, is too slow, or fails; then with its own words.
    pub(super) async fn run(
        &self,
        folder: Option<&Path>,
        arguments: &[&str],
        limit: Duration,
    ) -> Result<String, StepError> {
        let finished = self.outcome(folder, arguments, limit).await?;
        if finished.succeeded() {
            return Ok(finished.stdout.trim_end().to_owned());
        }
        let said = self.address.strike_from(finished.stderr.trim());
        let how = finished.code.map_or_else(
            || "was killed".to_owned(),
            |code| format!("failed with {code}"),
        );
        let word = arguments.first().copied().unwrap_or_default();
        Err(StepError::failed(format!(
            "git {word} {how}: {}",
            said.replace('\n', "; ")
        )))
    }

    /// Runs git to its end, however it ends.
    ///
    /// # Errors
    /// When it cannot be run, or is too slow.
    pub(super) async fn outcome(
        &self,
        folder: Option<&Path>,
        arguments: &[&str],
        limit: Duration,
    ) -> Result<Finished, StepError> {
        let program = Program {
            name: "git",
            arguments: arguments
                .iter()
                .map(|&argument| argument.to_owned())
                .collect(),
            directory: folder.map(Path::to_owned),
            environment: self.environment(),
            withheld: REDIRECTING,
            limit,
        };
        Ok(self.host.run(&program).await?)
    }

    fn environment(&self) -> BTreeMap<String, String> {
        let mut variables = environment(|name| self.host.env(name), &self.address.settings());
        variables.insert("GIT_ALLOW_PROTOCOL".to_owned(), PROTOCOLS.to_owned());
        variables
    }
}
