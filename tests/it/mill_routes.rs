//! Windmill's job routes, as the mill answers them.
//!
//! Always so: the routes are called in process, without a server.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use millwright::mill::Mill;
use millwright_core::refs::JobId;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::mill_fixture::{Fixture, bash, flow};

const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

pub(crate) async fn call(
    routes: &Router,
    method: Method,
    path: &str,
    body: &Value,
) -> (StatusCode, String) {
    let body = if body.is_null() {
        Body::empty()
    } else {
        Body::from(body.to_string())
    };
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/w/{path}"));
    let request = request.body(body).unwrap();
    let response = routes.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

pub(crate) async fn get(routes: &Router, path: &str) -> (StatusCode, String) {
    call(
        routes,
        Method::GET,
        &format!("starter/{path}"),
        &Value::Null,
    )
    .await
}

pub(crate) async fn get_json(routes: &Router, path: &str) -> Value {
    let (status, text) = get(routes, path).await;
    assert_eq!(status, StatusCode::OK, "{path}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
}

/// Runs a flow that the routes are then asked about.
async fn ran(mill: &Mill, value: Value) -> JobId {
    let started = mill
        .run_flow(None, flow(&value), serde_json::Map::new())
        .await
        .unwrap();
    let job = started.job;
    started.wait().await.unwrap();
    job
}

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test]
async fn a_script_is_started_and_shown_as_on_windmill() {
    let fixture = Fixture::new();
    fixture.script(
        "u/team/greet",
        "who=\"$1\"\necho \"hello $who\"\necho done >&2\n",
    );
    let routes = fixture.mill().await.routes();
    let path = "starter/jobs/run/p/u/team/greet";
    let (status, job) = call(&routes, Method::POST, path, &json!({"who": "ada"})).await;
    assert_eq!(status, StatusCode::CREATED);
    let done = format!("jobs_u/completed/get_result_maybe/{job}?get_started=true");
    while get_json(&routes, &done).await["completed"] == false {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    let shown = get_json(&routes, &format!("jobs_u/get/{job}")).await;
    assert_eq!(
        keys(&shown),
        [
            "type",
            "workspace_id",
            "id",
            "created_by",
            "created_at",
            "started_at",
            "completed_at",
            "duration_ms",
            "success",
            "script_hash",
            "script_path",
            "args",
            "result",
            "result_columns",
            "logs",
            "deleted",
            "canceled",
            "job_kind",
            "permissioned_as",
            "is_flow_step",
            "language",
            "is_skipped",
            "email",
            "visible_to_owner",
            "tag",
            "worker",
        ]
    );
    assert_eq!(shown["type"], "CompletedJob");
    assert_eq!(shown["result"], "done");
    assert_eq!(shown["args"], json!({"who": "ada"}));
    let log = format!(
        "job={job} tag=bash worker=mill hostname=localhost\n\n\n--- BASH CODE EXECUTION ---\n\nhello ada\ndone"
    );
    assert_eq!(shown["logs"], *log);
    let (_, text) = get(&routes, &format!("jobs_u/get_logs/{job}")).await;
    let hint = "to remove ansi colors, use: | sed 's/\\x1B\\[[0-9;]\\{1,\\}[A-Za-z]//g'\n";
    assert_eq!(text, format!("{hint}{log}"));

    // Windmill counts from 1: an offset is the place of the next character.
    let next = log.chars().count() + 1;
    let update = get_json(
        &routes,
        &format!("jobs_u/getupdate/{job}?running=true&log_offset=0"),
    )
    .await;
    let expected =
        json!({"running": false, "completed": true, "new_logs": log, "log_offset": next});
    assert_eq!(update, expected);
    let path = format!(
        "jobs_u/getupdate/{job}?running=true&log_offset={}",
        next - 4
    );
    assert_eq!(get_json(&routes, &path).await["new_logs"], "done");
    let path = format!("jobs_u/getupdate/{job}?running=true&log_offset={next}");
    let nothing_new = json!({"running": false, "completed": true});
    assert_eq!(get_json(&routes, &path).await, nothing_new);

    let whole = json!({"started": true, "success": true, "completed": true, "result": "done"});
    assert_eq!(get_json(&routes, &done).await, whole);
    let (_, result) = get(&routes, &format!("jobs_u/completed/get_result/{job}")).await;
    assert_eq!(result, "\"done\"");
    let completed = get_json(&routes, &format!("jobs_u/completed/get/{job}")).await;
    assert_eq!(keys(&completed), keys(&shown)[1..]);
}

#[tokio::test]
async fn a_flow_is_shown_with_its_steps() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let value = json!({
        "modules": [bash("a", "echo one"), bash("b", "exit 3"), bash("c", "echo never")],
        "failure_module": bash("failure", "echo handled"),
    });
    let job = ran(&mill, value.clone()).await;
    let routes = mill.routes();
    let shown = get_json(&routes, &format!("jobs_u/get/{job}")).await;
    assert_eq!(shown["job_kind"], "flowpreview");
    assert_eq!(shown["result"], "handled");
    assert_eq!(shown["success"], false);
    assert_eq!(shown["raw_flow"]["modules"].as_array().unwrap().len(), 3);
    let status = &shown["flow_status"];
    assert_eq!(
        keys(status),
        [
            "step",
            "modules",
            "cleanup_module",
            "failure_module",
            "preprocessor_module"
        ]
    );
    let steps: Vec<&str> = status["modules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["type"].as_str().unwrap())
        .collect();
    assert_eq!(steps, ["Success", "Failure", "WaitingForPriorSteps"]);
    assert_eq!(status["failure_module"]["type"], "Success");
    assert_eq!(status["failure_module"]["parent_module"], "b");
    assert!(
        shown["logs"]
            .as_str()
            .unwrap()
            .starts_with("Flow job completed with error, and error handler")
    );

    let step = status["modules"][1]["job"].as_str().unwrap();
    let shown = get_json(&routes, &format!("jobs_u/get/{step}")).await;
    assert_eq!(shown["parent_job"], job.to_string());
    assert_eq!(shown["is_flow_step"], true);
    let listed = get_json(&routes, &format!("jobs/list?parent_job={job}")).await;
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert_eq!(listed[0]["args"], Value::Null);
    let failed = get_json(&routes, "jobs/list?success=false&has_null_parent=true").await;
    assert_eq!(failed[0]["id"], job.to_string());
    let list = "no_such_ws/jobs/list";
    let (_, elsewhere) = call(&routes, Method::GET, list, &Value::Null).await;
    assert_eq!(elsewhere, "[]");
}

#[tokio::test]
async fn a_loop_names_the_jobs_of_its_rounds() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let job = ran(
        &mill,
        json!({"modules": [{"id": "l", "value": {
            "type": "forloopflow", "skip_failures": true,
            "iterator": {"type": "static", "value": [0, 1]},
            "modules": [{"id": "o", "value": {"type": "branchone", "default": [], "branches": [
                {"expr": "flow_input.iter.value == 1", "modules": [bash("x", "exit 2")]},
            ]}}],
        }}]}),
    )
    .await;
    let routes = mill.routes();
    let shown = get_json(&routes, &format!("jobs_u/get/{job}")).await;
    let step = &shown["flow_status"]["modules"][0];
    assert_eq!(step["flow_jobs_success"], json!([true, false]));
    let round = step["flow_jobs"][1].as_str().unwrap();
    let shown = get_json(&routes, &format!("jobs_u/get/{round}")).await;
    assert_eq!(shown["script_path"], "tmp/main/loop-1");
    let inner = &shown["flow_status"]["modules"][0];
    assert_eq!(
        inner["branch_chosen"],
        json!({"type": "branch", "branch": 0})
    );
    assert_eq!(inner["type"], "Failure");
}

#[tokio::test]
async fn what_is_not_there_is_said_as_on_windmill() {
    let fixture = Fixture::new();
    let routes = fixture.mill().await.routes();
    for (path, status, text) in [
        (
            format!("jobs_u/get/{NOBODY}"),
            404,
            format!("Not found: Job not found at name {NOBODY}"),
        ),
        (
            format!("jobs_u/get_logs/{NOBODY}"),
            404,
            format!("Not found: Job Logs not found at name {NOBODY}"),
        ),
        (
            format!("jobs_u/getupdate/{NOBODY}"),
            404,
            format!("Not found: Job not found: {NOBODY}"),
        ),
        ("jobs/no_such_route".to_owned(), 404, String::new()),
        (
            format!("jobs_u/completed/get_result_maybe/{NOBODY}"),
            200,
            "{\"started\":null,\"success\":null,\"completed\":false,\"result\":null}".to_owned(),
        ),
        (
            format!("jobs_u/getupdate_sse/{NOBODY}?fast=true"),
            200,
            format!(
                "data: {{\"type\":\"error\",\"error\":\"Not found: Job not found: {NOBODY}\"}}\n\n"
            ),
        ),
    ] {
        let (found, answer) = get(&routes, &path).await;
        assert_eq!((found.as_u16(), answer), (status, text), "{path}");
    }
    let (status, text) = get(&routes, "jobs_u/get/not-a-uuid").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        text.starts_with("Invalid URL: UUID parsing failed: invalid character"),
        "{text}"
    );
    let (status, text) = call(
        &routes,
        Method::POST,
        "starter/jobs/run/f/f/team/nope",
        &json!({}),
    )
    .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(text, "Not found: flow not found at name f/team/nope");
}
