//! Keeps the secrets of an agent's environment out of the log and out of messages.
//!
//! Always so: a value is struck wherever it appears on one line; what its variable is called decides whether it is one.

use std::ffi::OsStr;
use std::process::Command;

use crate::engine::LineSink;

/// A value that is shorter would be struck from words that only look like it.
const SHORTEST: usize = 8;

/// A log from which secrets are struck.
pub(super) struct Struck<'a> {
    log: &'a (dyn LineSink + Sync),
    secrets: Vec<String>,
}

impl<'a> Struck<'a> {
    /// The same log, for a command that inherits this process's environment.
    pub(super) fn new(log: &'a (dyn LineSink + Sync), command: &Command) -> Self {
        let inherited = std::env::vars_os();
        let given = command
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        let mut secrets: Vec<String> = inherited
            .chain(given)
            .filter(|(name, value)| is_secret(name) && value.len() >= SHORTEST)
            .filter_map(|(_, value)| value.into_string().ok())
            .collect();
        // One may be the beginning of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { log, secrets }
    }

    /// A text without them.
    pub(super) fn strike(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret.as_str(), "***")
        })
    }
}

impl LineSink for Struck<'_> {
    fn line(&self, line: &str) {
        self.log.line(&self.strike(line));
    }

    fn execution_id(&self) -> Option<&str> {
        self.log.execution_id()
    }
}

fn is_secret(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_uppercase();
    ["KEY", "TOKEN", "SECRET", "PASSWORD"]
        .iter()
        .any(|end| name.ends_with(end))
}
