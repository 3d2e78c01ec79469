//! `millwright serve` as a process.
//!
//! Always so: the command is run as a process, on a port that the system chooses.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use rustix::process::Signal;
use serde_json::json;

use crate::api_fixture::client;
use crate::process::{Process, millwright};
use crate::windmill_double::{self, Job, Windmill};

fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = millwright(folder, arguments).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[tokio::test]
async fn every_answered_start_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::serve(folder.path());
    let client = client();
    let mut answered = 0;
    for number in 0..300 {
        if number == 200 {
            server.signal(Signal::KILL);
        }
        let run = json!({"job_type": "t", "run_id": format!("r{number}")});
        if server.start_run(&client, &run).await.ok() != Some(200) {
            break;
        }
        answered = number + 1;
    }
    assert!((200..300).contains(&answered), "{answered}");
    drop(server);

    let server = Process::serve(folder.path());
    for number in 0..answered {
        let run = server.get(&client, &format!("/codex/runs/r{number}")).await;
        assert_eq!(run["status"], "running", "r{number}");
    }
}

#[tokio::test]
async fn it_ends_cleanly_when_told_and_says_where_it_listens() {
    let folder = tempfile::tempdir().unwrap();
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Process::serve(folder.path());
        let port = fs::read_to_string(folder.path().join("port")).unwrap();
        assert_eq!(server.url, format!("http://{}", port.trim()));
        let run = json!({"job_type": "t", "run_id": "r"});
        assert_eq!(server.start_run(&client(), &run).await.unwrap(), 200);
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

#[tokio::test]
async fn a_locked_database_is_told_and_nothing_is_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::serve(folder.path());
    let client = client();
    let run = json!({"job_type": "t", "run_id": "r"});
    let other =
        rusqlite::Connection::open(folder.path().join(".millwright/millwright.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    assert_eq!(server.start_run(&client, &run).await.unwrap(), 503);
    assert!(begun.elapsed() < Duration::from_secs(8));
    let known = server.get(&client, "/codex/runs/r").await;
    assert_eq!(known, json!({"detail": "Run not found"}), "readers go on");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(server.start_run(&client, &run).await.unwrap(), 200);
}

#[tokio::test]
async fn a_long_log_is_followed_in_constant_memory_and_read_once() {
    const SIZE: usize = 50 * 1024 * 1024;
    let line = format!("{}\n", "x".repeat(1023));
    let (windmill, url) = Windmill::start().await;
    let job = windmill.put(Job {
        log: line.clone(),
        times: SIZE / line.len(),
        ended: Some(json!(null)),
        ..Job::default()
    });
    let folder = tempfile::tempdir().unwrap();
    let mut command = millwright(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    command
        .env("TASKSGODZILLA_WINDMILL_URL", url)
        .env("TASKSGODZILLA_WINDMILL_TOKEN", windmill_double::TOKEN);
    let server = Process::start(command);
    let client = client();
    let run =
        json!({"job_type": "t", "run_id": "r", "log_path": format!("windmill://job/{job}/logs")});
    assert_eq!(server.start_run(&client, &run).await.unwrap(), 200);
    let before = server.peak_memory();
    let answer = client
        .get(format!("{}/codex/runs/r/logs/stream", server.url))
        .send()
        .await
        .unwrap();
    let mut stream = answer.bytes_stream();
    let (mut text, mut told) = (0, Vec::new());
    while let Some(part) = stream.next().await {
        let part = part.unwrap();
        text += part.split(|byte| *byte == b'x').count() - 1;
        told = part.to_vec();
    }
    assert!(String::from_utf8_lossy(&told).contains("event: end"));
    // "next_offset" has an x as well, once in each event.
    let events = text - SIZE / 1024 * 1023;
    assert!((1..=SIZE / 1024).contains(&events), "{events}");
    let grown = server.peak_memory() - before;
    assert!(grown < 16 * 1024, "{grown} KiB more");
    assert_eq!(windmill.given(), SIZE as u64, "every character once");
    let folder_size = fs::metadata(folder.path().join(".millwright/millwright.db"))
        .unwrap()
        .len();
    assert!(folder_size < 1024 * 1024, "no log is kept");
}
