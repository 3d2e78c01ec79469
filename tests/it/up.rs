//! `millwright up` as a process.
//!
//! Always so: the command is run as a process, and ended with its test.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::api_fixture::client;
use crate::process::{Process, millwright};

/// A project with two scripts.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let scripts = folder.path().join("scripts/team");
    fs::create_dir_all(&scripts).unwrap();
    fs::write(
        scripts.join("hello.sh"),
        "name=\"$1\"\necho \"hello $name\"\n",
    )
    .unwrap();
    fs::write(scripts.join("sleeps.sh"), "echo begun\nsleep 600\n").unwrap();
    folder
}

fn up(folder: &tempfile::TempDir) -> Process {
    Process::start(millwright(
        folder.path(),
        &["up", "--listen", "127.0.0.1:0"],
    ))
}

async fn run_script(server: &Process, name: &str, args: &Value) -> String {
    let url = format!("{}/api/w/starter/jobs/run/p/u/team/{name}", server.url);
    let answer = client().post(url).json(args).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    answer.text().await.unwrap()
}

#[tokio::test]
async fn a_script_runs_and_its_log_is_a_runs_log() {
    let folder = project();
    let server = up(&folder);
    let job = run_script(&server, "hello", &json!({"name": "ada"})).await;
    let run =
        json!({"job_type": "t", "run_id": "r", "log_path": format!("windmill://job/{job}/logs")});
    assert_eq!(server.start_run(&client(), &run).await.unwrap(), 200);
    let stream = client()
        .get(format!("{}/codex/runs/r/logs/stream", server.url))
        .send()
        .await
        .unwrap();
    let events = stream.text().await.unwrap();
    assert!(events.contains("hello ada"), "{events}");
    assert!(
        events
            .trim_end()
            .ends_with(r#"data: {"run_id":"r","status":"succeeded"}"#),
        "{events}"
    );
}

#[tokio::test]
async fn when_it_ends_its_jobs_have_ended() {
    let folder = project();
    let mut server = up(&folder);
    let job = run_script(&server, "sleeps", &json!({})).await;
    let path = format!("/api/w/starter/jobs_u/get/{job}");
    while !server.get(&client(), &path).await["logs"]
        .to_string()
        .contains("begun")
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.signal(Signal::TERM);
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    let again = up(&folder);
    let job = again.get(&client(), &path).await;
    assert_eq!(job["type"], "CompletedJob");
    assert_eq!(job["canceled"], true);
}
