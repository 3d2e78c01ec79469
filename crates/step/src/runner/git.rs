//! How the repository of a workspace stands, and what a step has changed in it.
//!
//! Always so: git is only asked, for a bounded time, and a workspace that is no repository has nothing to say.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::engine::{Cancel, Control, LineSink, run_command};
use crate::workspace::Changes;

/// So long git may take for an answer.
const LIMIT: Duration = Duration::from_secs(30);
/// So much of the names of changed files is handed to a gate: a variable of the environment has its limit.
const LONGEST_LIST: usize = 64 * 1024;

/// The repository that a workspace is in.
pub(super) struct Repository<'a> {
    pub(super) workspace: &'a Path,
    /// What the step has committed.
    pub(super) changes: &'a Changes,
    pub(super) cancel: &'a Cancel,
}

impl Repository<'_> {
    /// What the step has changed, and what has changed since the last commit, as `git status --porcelain` says it.
    pub(super) fn status(&self) -> String {
        let uncommitted = self.ask(&["status", "--porcelain"]);
        self.changes.status() + &uncommitted.unwrap_or_default()
    }

    /// The subject of the step's last commit, else of the last one.
    pub(super) fn last_commit(&self) -> Option<String> {
        let subject = self.changes.subject();
        subject.or_else(|| self.ask(&["log", "-1", "--format=%s"]))
    }

    /// Whether something has changed, and all of it lies below `.protocols/`.
    pub(super) fn only_protocols_changed(&self) -> bool {
        let committed = self.changes.paths();
        let uncommitted = self.uncommitted();
        let mut paths = committed.iter().chain(&uncommitted).peekable();
        paths.peek().is_some() && paths.all(|path| path.starts_with(".protocols/"))
    }

    /// What a gate is told of the changes.
    pub(super) fn variables(&self) -> Vec<(&'static str, String)> {
        let Some(base) = self.changes.base() else {
            return Vec::new();
        };
        let names: Vec<String> = self.changes.paths().into_iter().collect();
        let mut list = names.join("\n");
        if list.len() > LONGEST_LIST {
            list.truncate(list.floor_char_boundary(LONGEST_LIST));
            list.truncate(list.rfind('\n').unwrap_or_default());
        }
        vec![
            ("MILLWRIGHT_STEP_BASE", base.to_owned()),
            ("MILLWRIGHT_STEP_CHANGES", list),
        ]
    }

    fn uncommitted(&self) -> Vec<String> {
        let listed = self.ask(&[
            "status",
            "--porcelain",
            "--no-renames",
            "--untracked-files=all",
            "-z",
        ]);
        let listed = listed.unwrap_or_default();
        let names = listed.split('\0').filter_map(|entry| entry.get(3..));
        names.map(str::to_owned).collect()
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
