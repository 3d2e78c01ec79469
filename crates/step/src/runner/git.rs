//! How the repository of a workspace stands.
//!
//! Always so: git is only asked, for a bounded time, and a workspace that is no repository has nothing to say.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::engine::{Cancel, Control, LineSink, run_command};

/// So long git may take for an answer.
const LIMIT: Duration = Duration::from_secs(30);

/// The repository that a workspace is in.
pub(super) struct Repository<'a> {
    pub(super) workspace: &'a Path,
    pub(super) cancel: &'a Cancel,
}

impl Repository<'_> {
    /// What has changed since the last commit, as `git status --porcelain` says.
    pub(super) fn changes(&self) -> Option<String> {
        self.ask(&["status", "--porcelain"])
    }

    /// The last commit's subject.
    pub(super) fn last_commit(&self) -> Option<String> {
        self.ask(&["log", "-1", "--format=%s"])
    }

    /// Whether something has changed, and all of it lies below `.protocols/`.
    pub(super) fn only_protocols_changed(&self) -> bool {
        let changes = self.ask(&[
            "status",
            "--porcelain",
            "--no-renames",
            "--untracked-files=all",
        ]);
        let changes = changes.unwrap_or_default();
        let mut paths = changes.lines().filter_map(|line| line.get(3..)).peekable();
        let unquoted = |path: &str| path.trim_start_matches('"').starts_with(".protocols/");
        paths.peek().is_some() && paths.all(unquoted)
    }

    fn ask(&self, arguments: &[&str]) -> Option<String> {
        let mut git = Command::new("git");
        git.args(["-c", "core.fsmonitor=false"])
            .args(arguments)
            .current_dir(self.workspace)
            .env("GIT_OPTIONAL_LOCKS", "0");
        let control = Control {
            log: &Silent,
            cancel: self.cancel,
        };
        let answer = run_command(git, "git", LIMIT, &control).ok()?;
        Some(String::from_utf8_lossy(&answer).into_owned())
    }
}

struct Silent;

impl LineSink for Silent {
    fn line(&self, _: &str) {}
}
