//! A call of the step executable that reads like a sentence.
//!
//! Always so: it runs in a folder of its own and sees no environment but what the test gives.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::api::Api;

pub(crate) const JOB: &str = "01a1fd8d-0c2a-5aa4-e27d-4a6fdf9e6e24";
pub(crate) const FLOW: &str = "0f000000-0000-4000-8000-000000000001";
pub(crate) const ROOT_FLOW: &str = "0f000000-0000-4000-8000-000000000002";
pub(crate) const TOKEN: &str = "s3cret-t0ken";

/// The built executable.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_millwright-step");

/// A call to come.
pub(crate) struct Step {
    command: Command,
    folder: TempDir,
}

/// A call that ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
    folder: TempDir,
}

impl Step {
    /// Calls the executable with these words.
    pub(crate) fn new<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Self {
        Self::of(PROGRAM, words)
    }

    /// Calls another program in the same way.
    pub(crate) fn of<S: AsRef<OsStr>>(program: &str, words: impl IntoIterator<Item = S>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(program);
        command.args(words).env_clear().current_dir(folder.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        Self { command, folder }
    }

    /// Runs the step `name` with JSON arguments.
    pub(crate) fn named(name: &str, args: &Value) -> Self {
        Self::new([name, "--args", &args.to_string()])
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// In a Windmill job.
    pub(crate) fn in_a_job(self) -> Self {
        self.env("WM_JOB_ID", JOB)
            .env("WM_FLOW_JOB_ID", "")
            .env("WM_ROOT_FLOW_JOB_ID", "")
    }

    /// In the job of a flow's step.
    pub(crate) fn in_a_flow(self, step: &str) -> Self {
        self.env("WM_JOB_ID", JOB)
            .env("WM_FLOW_JOB_ID", FLOW)
            .env("WM_ROOT_FLOW_JOB_ID", ROOT_FLOW)
            .env("WM_FLOW_STEP_ID", step)
    }

    pub(crate) fn with_api(self, api: &Api) -> Self {
        self.env("TASKSGODZILLA_API_URL", &api.url)
            .env("TASKSGODZILLA_API_TOKEN", TOKEN)
    }

    pub(crate) fn stdin(mut self, file: fs::File) -> Self {
        self.command.stdin(file);
        self
    }

    pub(crate) fn stdout(mut self, file: fs::File) -> Self {
        self.command.stdout(file);
        self
    }

    /// The folder in which it runs.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it and leaves it running.
    pub(crate) fn start(mut self) -> (Child, TempDir) {
        let child = self
            .command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        (child, self.folder)
    }

    /// Runs it to its end.
    pub(crate) fn run(mut self) -> Ended {
        let begun = Instant::now();
        let output = self.command.output().unwrap();
        Ended {
            took: begun.elapsed(),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            folder: self.folder,
        }
    }
}

impl Ended {
    /// Checks the exit code; shows what was said when it is another.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout: {}\nstderr: {}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// The content of `result.json`.
    #[track_caller]
    pub(crate) fn result(&self) -> Value {
        let text =
            fs::read_to_string(self.folder.path().join("result.json")).expect("a result.json");
        serde_json::from_str(&text).expect("valid JSON")
    }

    /// The names of the files that it left.
    pub(crate) fn files(&self) -> Vec<String> {
        names(self.folder.path())
    }
}

/// The names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

/// A path as text.
pub(crate) fn text(path: &Path) -> String {
    PathBuf::from(path).into_os_string().into_string().unwrap()
}
