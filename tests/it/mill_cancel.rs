//! Ending a job before its time, through Windmill's routes, and following it meanwhile.
//!
//! Always so: a job is ended while its script runs, and not before.

use std::time::Duration;

use axum::Router;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::mill_fixture::{Fixture, bash, flow};
use crate::mill_routes::{call, get, get_json};

#[tokio::test(flavor = "multi_thread")]
async fn a_running_flow_is_followed_and_canceled() {
    let fixture = Fixture::new();
    fixture.flow(
        "f/team/slow",
        &json!({"value": {"modules": [bash("a", "echo begun\nsleep 60"), bash("b", "true")]}}),
    );
    let mill = fixture.mill().await;
    let routes = mill.routes();
    let (_, job) = call(
        &routes,
        Method::POST,
        "starter/jobs/run/f/f/team/slow",
        &json!({}),
    )
    .await;
    let step = loop {
        let update = get_json(&routes, &format!("jobs_u/getupdate/{job}?running=false")).await;
        assert_eq!(update["completed"], false);
        if let Some(step) = update["flow_status"]["modules"][0]["job"].as_str() {
            break step.to_owned();
        }
    };
    let follower = tokio::spawn({
        let (routes, step) = (routes.clone(), step.clone());
        async move {
            get(&routes, &format!("jobs_u/getupdate_sse/{step}?fast=true"))
                .await
                .1
        }
    });
    let log = format!("jobs_u/getupdate/{step}?running=true");
    while !get_json(&routes, &log).await["new_logs"]
        .to_string()
        .contains("begun")
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let wish = json!({"reason": "test"});
    let path = format!("starter/jobs_u/queue/cancel/{job}");
    assert_eq!(call(&routes, Method::POST, &path, &wish).await.1, job);
    let maybe = format!("jobs_u/completed/get_result_maybe/{job}");
    let end = loop {
        let end = get_json(&routes, &maybe).await;
        if end["completed"] == true {
            break end;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let error = json!({"name": "Canceled", "reason": "test", "message": "Job canceled: test by admin", "canceler": "admin"});
    assert_eq!(end["result"]["error"], error);
    let shown = get_json(&routes, &format!("jobs_u/get/{step}")).await;
    assert_eq!(
        shown["result"]["error"]["message"],
        "execution error:\njob process terminated due to cancelled by admin (reason: test)"
    );
    assert!(
        shown["logs"]
            .as_str()
            .unwrap()
            .ends_with("\nTerminating child processes...")
    );
    let shown = get_json(&routes, &format!("jobs_u/get/{job}")).await;
    assert_eq!(
        (&shown["canceled"], &shown["logs"]),
        (&json!(true), &json!("Flow job canceled\n"))
    );
    let answer = call(&routes, Method::POST, &path, &wish).await.1;
    assert_eq!(answer, format!("queued job id {job} is already completed"));

    let told = told_in(&follower.await.unwrap(), &step);
    assert_eq!(shown_log(&routes, &step).await, told);
}

/// The log that a stream's frames tell; the last is to show the completed job, without its log.
fn told_in(stream: &str, step: &str) -> String {
    let frames: Vec<Value> = stream
        .split("\n\n")
        .filter_map(|frame| serde_json::from_str(frame.strip_prefix("data: ")?).ok())
        .collect();
    let last = frames.last().unwrap();
    assert_eq!(
        (&last["type"], &last["completed"]),
        (&json!("update"), &json!(true))
    );
    assert_eq!(last["job"]["id"], step);
    assert_eq!(last["job"]["logs"], Value::Null);
    let parts = frames.iter().filter_map(|frame| frame["new_logs"].as_str());
    parts.collect()
}

async fn shown_log(routes: &Router, job: &str) -> String {
    let shown = get_json(routes, &format!("jobs_u/get/{job}")).await;
    shown["logs"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_wish_of_another_process_is_heard() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let value = json!({"modules": [bash("a", "sleep 60")]});
    let started = mill
        .run_flow(None, flow(&value), serde_json::Map::new())
        .await
        .unwrap();
    // These routes know the database, and not the mill.
    let routes = millwright::mill::routes(fixture.store());
    let path = format!("starter/jobs_u/queue/cancel/{}", started.job);
    assert_eq!(
        call(&routes, Method::POST, &path, &Value::Null).await.1,
        started.job.to_string()
    );
    let end = tokio::time::timeout(Duration::from_secs(5), started.wait()).await;
    assert!(!end.expect("it is heard").unwrap().success);
    assert_eq!(
        call(
            &routes,
            Method::POST,
            "starter/jobs/run/f/f/team/x",
            &json!({})
        )
        .await
        .0,
        StatusCode::NOT_FOUND
    );
}
