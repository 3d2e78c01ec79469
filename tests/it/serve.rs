//! `millwright serve` as a process.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::api_fixture::client;

/// The command, with an environment of its own.
fn millwright(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millwright"));
    command.current_dir(folder).args(arguments);
    for name in [
        "API_TOKEN",
        "WINDMILL_URL",
        "WINDMILL_TOKEN",
        "WINDMILL_WORKSPACE",
    ] {
        command.env_remove(format!("TASKSGODZILLA_{name}"));
    }
    command
}

fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = millwright(folder, arguments).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

/// A server that is a process.
struct Process {
    child: Child,
    url: String,
}

impl Process {
    fn start(folder: &Path) -> Self {
        let mut command = millwright(
            folder,
            &["serve", "--listen", "127.0.0.1:0", "--port-file", "port"],
        );
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

    async fn start_run(&self, client: &reqwest::Client, run_id: &str) -> bool {
        let run = json!({"job_type": "t", "run_id": run_id});
        let sent = client
            .post(format!("{}/codex/runs/start", self.url))
            .json(&run)
            .send()
            .await;
        sent.is_ok_and(|answer| answer.status() == 200)
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test]
async fn every_answered_start_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path());
    let client = client();
    let mut answered = 0;
    for number in 0..300 {
        if number == 200 {
            server.signal(Signal::KILL);
        }
        if !server.start_run(&client, &format!("r{number}")).await {
            break;
        }
        answered = number + 1;
    }
    assert!((200..300).contains(&answered), "{answered}");
    drop(server);

    let server = Process::start(folder.path());
    for number in 0..answered {
        let run = client
            .get(format!("{}/codex/runs/r{number}", server.url))
            .send()
            .await
            .unwrap();
        let run: Value = run.json().await.unwrap();
        assert_eq!(run["status"], "running", "r{number}");
    }
}

#[tokio::test]
async fn it_ends_cleanly_when_told_and_says_where_it_listens() {
    let folder = tempfile::tempdir().unwrap();
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Process::start(folder.path());
        let port = std::fs::read_to_string(folder.path().join("port")).unwrap();
        assert_eq!(server.url, format!("http://{}", port.trim()));
        assert!(server.start_run(&client(), "r").await);
        server.signal(signal);
        assert_eq!(server.child.wait().unwrap().code(), Some(0));
    }
    assert!(folder.path().join(".millwright/millwright.db").exists());
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let (code, stderr) = run(folder.path(), &["serve", "--listen", &address]);
    assert_eq!(code, Some(3), "{stderr}");
    assert!(
        stderr.contains(&address) && stderr.contains("--listen"),
        "{stderr}"
    );
}

#[test]
fn without_a_token_the_network_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let (code, stderr) = run(folder.path(), &["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("TASKSGODZILLA_API_TOKEN"), "{stderr}");
}

#[test]
fn a_newer_database_and_a_wrong_address_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let newer = rusqlite::Connection::open(folder.path().join("newer.db")).unwrap();
    newer.pragma_update(None, "user_version", 999).unwrap();
    let (code, stderr) = run(
        folder.path(),
        &[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--database",
            "sqlite://newer.db",
        ],
    );
    assert_eq!(code, Some(3), "{stderr}");
    assert!(
        stderr.contains("newer.db") && stderr.contains("999"),
        "{stderr}"
    );
    let (code, stderr) = run(
        folder.path(),
        &[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--database",
            "postgres://x",
        ],
    );
    assert_eq!(code, Some(2), "{stderr}");
}

#[test]
fn a_windmill_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = millwright(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    let output = command
        .env("TASKSGODZILLA_WINDMILL_URL", "localhost")
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("TASKSGODZILLA_WINDMILL_URL"), "{stderr}");
}
