//! `millwright runs`: runs, their logs and what they left behind, from a shell.
//!
//! Always so: the command speaks to a server that runs, and its exit code says how that went.

use std::fs;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::api_fixture::Api;

async fn runs(api: &Api, arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millwright"));
    command.arg("runs").args(arguments.split(' '));
    command.env("TASKSGODZILLA_API_URL", &api.address);
    command.env_remove("TASKSGODZILLA_API_TOKEN");
    let output = tokio::task::spawn_blocking(move || command.output());
    output.await.unwrap().unwrap()
}

async fn says(api: &Api, arguments: &str) -> String {
    let output = runs(api, arguments).await;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

async fn refuses(api: &Api, arguments: &str) -> String {
    let output = runs(api, arguments).await;
    assert_eq!(output.status.code(), Some(2), "{arguments}");
    String::from_utf8(output.stderr).unwrap()
}

/// An API with a run whose log and report are files.
async fn with_run(text: &str) -> Api {
    let api = Api::with(None).await;
    let log = api.folder.path().join("a.log");
    fs::write(&log, text).unwrap();
    api.run_with_log("run-1", &log.display().to_string()).await;
    let report = api.folder.path().join("report.md");
    fs::write(&report, "# Report\n").unwrap();
    let name = "a\u{1b}[2Jreport";
    api.artifact("run-1", name, &report.display().to_string())
        .await;
    api
}

async fn finish(api: &Api, status: &str) {
    let end = json!({"status": status, "result": {"n": 1}});
    let finished = api.post("/codex/runs/run-1/finish", &end).await;
    finished.expect(200);
}

#[tokio::test]
async fn a_run_is_listed_shown_and_read() {
    let api = with_run("one\ntwo\n").await;
    let listed = says(&api, "list --status running --job-type t").await;
    assert!(listed.starts_with("run-1  running"), "{listed}");
    assert_eq!(says(&api, "list --status failed").await, "");
    finish(&api, "succeeded").await;
    let shown = says(&api, "show run-1").await;
    assert!(
        shown.contains("\"n\": 1") && shown.contains("log_path: /"),
        "{shown}"
    );
    let whole: Value = serde_json::from_str(&says(&api, "show run-1 --json").await).unwrap();
    assert_eq!(whole["status"], "succeeded");
    assert_eq!(says(&api, "logs run-1").await, "one\ntwo\n");
    let artifacts = says(&api, "artifacts run-1").await;
    assert!(artifacts.contains("a [2Jreport"), "{artifacts}");
    let id = artifacts.split(' ').next().unwrap();
    let content = says(&api, &format!("artifacts run-1 --content {id}")).await;
    assert_eq!(content, "# Report\n");
}

#[tokio::test]
async fn a_log_is_followed_to_the_runs_end_which_is_the_exit_code() {
    for (status, code) in [("succeeded", 0), ("failed", 1)] {
        let api = with_run("one\n").await;
        let log = api.folder.path().join("a.log");
        let following = runs(&api, "logs -f run-1");
        let going_on = async {
            fs::write(&log, "one\ntwo\n").unwrap();
            finish(&api, status).await;
        };
        let (output, ()) = tokio::join!(following, going_on);
        assert_eq!(output.status.code(), Some(code));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "one\ntwo\n");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(stderr, format!("the run has {status}\n"));
    }
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let api = with_run("").await;
    assert!(refuses(&api, "show run-2").await.contains("not found"));
    assert!(refuses(&api, "show ..").await.contains("is no run's id"));
    assert!(refuses(&api, "logs ../projects").await.contains("error: "));
    let told = refuses(&api, "artifacts run-1 --content nothing").await;
    assert!(told.contains("no artifact \"nothing\""), "{told}");
    let told = refuses(&api, "list --status odd").await;
    assert!(told.contains("status"), "{told}");
}
