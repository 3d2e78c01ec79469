//! `millwright serve` and `millwright up` as processes.
//!
//! Always so: the process is gone with the fixture.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// The command, with an environment of its own.
pub(crate) fn millwright(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millwright"));
    command.current_dir(folder).args(arguments);
    for name in [
        "API_URL",
        "API_TOKEN",
        "WINDMILL_URL",
        "WINDMILL_TOKEN",
        "WINDMILL_WORKSPACE",
    ] {
        command.env_remove(format!("TASKSGODZILLA_{name}"));
    }
    command
}

/// A server that is a process.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) url: String,
}

impl Process {
    /// Starts `serve` in a folder.
    pub(crate) fn serve(folder: &Path) -> Self {
        Self::start(Self::serving(folder))
    }

    /// The command by which [`Process::serve`] serves.
    pub(crate) fn serving(folder: &Path) -> Command {
        millwright(
            folder,
            &["serve", "--listen", "127.0.0.1:0", "--port-file", "port"],
        )
    }

    /// Starts a command that says where it listens.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line.split_whitespace().last().unwrap().to_owned();
        Self { child, url }
    }

    pub(crate) async fn start_run(
        &self,
        client: &reqwest::Client,
        run: &Value,
    ) -> reqwest::Result<u16> {
        let url = format!("{}/codex/runs/start", self.url);
        let answer = client.post(url).json(run).send().await?;
        Ok(answer.status().as_u16())
    }

    pub(crate) async fn get(&self, client: &reqwest::Client, path: &str) -> Value {
        let answer = client
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .unwrap();
        answer.json().await.unwrap_or(json!(null))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The most memory that it ever had, in KiB.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        peak.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
