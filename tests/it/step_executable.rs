//! The step executable against the real API: a protocol from its plan to its last check.
//!
//! Always so: the executable is the one beside `millwright`, and what it did is asked of the API.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::api_fixture::Api;

const JOB: &str = "01a1fd8d-0c2a-5aa4-e27d-4a6fdf9e6e24";
const FLOW: &str = "0f000000-0000-4000-8000-000000000001";

/// The executable that lies beside `millwright`.
pub(crate) fn program() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_millwright")).with_file_name("millwright-step");
    assert!(
        program.exists(),
        "millwright-step is not built: run `cargo build -p millwright-step`"
    );
    program
}

/// Runs a step as the job of a flow, and gives its exit code and result.
async fn step(api: &Api, name: &str, args: &Value) -> (Option<i32>, Value) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(program());
    command
        .arg(name)
        .arg("--args")
        .arg(args.to_string())
        .current_dir(folder.path());
    command
        .env("TASKSGODZILLA_API_URL", &api.address)
        .env("WM_JOB_ID", JOB)
        .env("WM_FLOW_JOB_ID", FLOW);
    let output = command.output().await.unwrap();
    let text = fs::read_to_string(folder.path().join("result.json")).unwrap_or_else(|_| {
        panic!(
            "{name} left no result: {}",
            String::from_utf8_lossy(&output.stderr)
        )
    });
    (output.status.code(), serde_json::from_str(&text).unwrap())
}

/// A step that must succeed.
async fn done(api: &Api, name: &str, args: &Value) -> Value {
    let (code, result) = step(api, name, args).await;
    assert_eq!(code, Some(0), "{name}: {result}");
    result
}

/// A protocol of one shell step, in a folder of its own.
async fn protocol(api: &Api, script: &str) -> i64 {
    let workspace = api.folder.path().join("workspace");
    fs::create_dir(&workspace).unwrap();
    fs::write(workspace.join("work.sh"), format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(workspace.join("work.sh"), Permissions::from_mode(0o755)).unwrap();
    let project = api
        .post(
            "/projects",
            &json!({"name": "demo", "local_path": workspace}),
        )
        .await
        .json();
    let work = json!({"id": "01-work", "engine_id": "shell", "prompt_ref": "work.sh", "qa": {"policy": "light"}});
    let body = json!({"protocol_name": "0001-demo", "template_config": {"protocol_spec": {"steps": [work]}}});
    let made = api
        .post(&format!("/projects/{}/protocols", project["id"]), &body)
        .await
        .json();
    made["id"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protocol_is_planned_claimed_and_executed() {
    let api = Api::start().await;
    let id = protocol(&api, "echo done").await;
    let planned = done(
        &api,
        "protocol_plan_and_wait",
        &json!({"protocol_run_id": id, "poll_interval_ms": 50}),
    )
    .await;
    assert_eq!(planned["status"], "planned");
    let again = done(
        &api,
        "protocol_plan_and_wait",
        &json!({"protocol_run_id": id}),
    )
    .await;
    assert_eq!(again["protocol"]["protocol_name"], "0001-demo");

    let claimed = done(
        &api,
        "protocol_select_next_step",
        &json!({"protocol_run_id": id}),
    )
    .await;
    let same = done(
        &api,
        "protocol_select_next_step",
        &json!({"protocol_run_id": id}),
    )
    .await;
    assert_eq!(
        claimed["claim"], same["claim"],
        "the same holder gets the same claim"
    );
    let args = json!({"step_run_id": claimed["step_run_id"], "claim": claimed["claim"]});
    let executed = done(&api, "step_execute_api", &args).await;
    assert_eq!(executed["step_name"], "01-work");
    let none = done(
        &api,
        "protocol_select_next_step",
        &json!({"protocol_run_id": id}),
    )
    .await;
    assert_eq!(none["step_run_id"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_that_fails_fails_the_job() {
    let api = Api::start().await;
    let id = protocol(&api, "echo this is wrong >&2; exit 3").await;
    done(
        &api,
        "protocol_plan_and_wait",
        &json!({"protocol_run_id": id}),
    )
    .await;
    let claimed = done(
        &api,
        "protocol_select_next_step",
        &json!({"protocol_run_id": id}),
    )
    .await;
    let args = json!({"step_run_id": claimed["step_run_id"], "claim": claimed["claim"]});
    let (code, error) = step(&api, "step_execute_api", &args).await;
    assert_eq!(code, Some(1));
    assert_eq!(error["name"], "StepFailed");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .starts_with("the execution failed: "),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_api_refuses_is_told() {
    let api = Api::start().await;
    let (code, error) = step(
        &api,
        "protocol_plan_and_wait",
        &json!({"protocol_run_id": 999}),
    )
    .await;
    assert_eq!((code, &error["status_code"]), (Some(3), &json!(404)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_registered_closed_and_its_project_recorded() {
    let api = Api::start().await;
    let project = api.post("/projects", &json!({"name": "demo"})).await.json();
    let emitted = done(
        &api,
        "emit_tasksgodzilla_codex_refs",
        &json!({"project_id": project["id"], "step_run_id": 99}),
    )
    .await;
    assert_eq!(emitted["artifacts"].as_array().unwrap().len(), 3);
    assert_eq!(
        emitted["warnings"].as_array().unwrap().len(),
        1,
        "the step run does not exist: {emitted}"
    );

    let args = json!({"run_id": JOB, "status": "failed", "error": {"message": "it broke"}});
    let closed = done(&api, "finish_tasksgodzilla_codex_run", &args).await;
    assert_eq!(
        (&closed["closed"], &closed["error"]["message"]),
        (&json!(true), &json!("it broke"))
    );
    let run = api.get(&format!("/codex/runs/{JOB}")).await.json();
    assert_eq!(
        (&run["status"], &run["project_id"]),
        (&json!("failed"), &project["id"])
    );

    fs::write(api.folder.path().join("main.py"), "").unwrap();
    let args = json!({"project_path": api.folder.path(), "project_id": project["id"]});
    done(&api, "analyze_project", &args).await;
    let project = api
        .get(&format!("/projects/{}", project["id"]))
        .await
        .json();
    assert_eq!(project["project_classification"], "python");
}
