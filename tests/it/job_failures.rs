//! Jobs of a protocol that fail, and jobs that report too late: what its events say, and what stays as it was.
//!
//! Always so: the protocol and its steps stand after such an event as before it.

use std::time::Duration;

use millwright_core::refs::JobId;
use serde_json::{Value, json};

use crate::log_fixture::MillJob;
use crate::protocol_fixture::{Claimed, Project, shell_step};

const JOB: &str = "0190f9a4-7f3e-7d20-9f10-1a2b3c4d5e6f";

async fn planned(project: &Project) -> i64 {
    project.script("work.sh", "echo done");
    let steps = json!([shell_step("a", "work.sh", json!({}))]);
    project.planned(steps).await
}

/// Registers the run of a job.
async fn registered(project: &Project, run_id: &str, job: &str, more: Value) {
    let mut body = json!({
        "job_type": "windmill", "run_id": run_id, "log_path": format!("windmill://job/{job}/logs"),
    });
    let more = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    let path = "/codex/runs/start";
    project.api.post(path, &body).await.expect(200);
}

async fn finished(project: &Project, run_id: &str, end: &Value) {
    let path = format!("/codex/runs/{run_id}/finish");
    project.api.post(&path, end).await.expect(200);
}

/// The events of a type.
pub(crate) async fn told(project: &Project, protocol: i64, name: &str) -> Vec<Value> {
    let mut events = project.events(protocol).await;
    events.retain(|event| event["event_type"] == name);
    events
}

#[tokio::test]
async fn a_run_of_a_protocol_that_fails_is_told_once_for_each_attempt() {
    let project = Project::new().await;
    let protocol = planned(&project).await;
    let of_protocol = json!({"protocol_run_id": protocol, "step_run_id": 1, "run_kind": "exec"});
    registered(&project, "r1", JOB, of_protocol).await;
    let error = json!({"name": "StepFailed", "message": "no", "error_type": "EngineFailed"});
    let end = json!({"status": "failed", "error": error});
    finished(&project, "r1", &end).await;
    finished(&project, "r1", &end).await;
    let events = told(&project, protocol, "job_failed").await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["step_run_id"], 1);
    let metadata = &events[0]["metadata"];
    assert_eq!(metadata["error_type"], "EngineFailed");
    assert_eq!(metadata["error_category"], "engine");
    assert_eq!(metadata["attempts"], 1);
    assert_eq!(metadata["job_id"], JOB);
    assert_eq!(metadata["run_id"], "r1");
    assert!(metadata["spec_hash"].is_string());

    registered(&project, "r1", JOB, json!({"attempt": 2})).await;
    finished(&project, "r1", &json!({"status": "failed"})).await;
    let events = told(&project, protocol, "job_failed").await;
    assert_eq!(events[1]["metadata"]["attempts"], 2);
    assert_eq!(events[1]["metadata"]["error_category"], "other");
    assert_eq!(project.status(protocol).await, "planned");
    assert_eq!(project.steps(protocol).await, ["pending"]);
}

#[tokio::test]
async fn an_errors_name_is_told_as_a_name_whoever_chose_it() {
    let project = Project::new().await;
    let protocol = planned(&project).await;
    registered(&project, "r1", JOB, json!({"protocol_run_id": protocol})).await;
    let name = format!("\u{1b}[2J{}", "A".repeat(100_000));
    let end = json!({"status": "failed", "error": {"name": name}});
    finished(&project, "r1", &end).await;
    let event = project.event(protocol, "job_failed").await;
    let expected = format!("[2J{}", "A".repeat(197));
    assert_eq!(event["metadata"]["error_type"], expected);
}

#[tokio::test]
async fn the_end_of_the_mills_job_tells_the_same() {
    let project = Project::new().await;
    let protocol = planned(&project).await;
    let job = MillJob::new();
    job.begin(&project.api).await;
    let JobId(id) = job.id;
    let of_protocol = json!({"protocol_run_id": protocol});
    registered(&project, "r1", &id.to_string(), of_protocol).await;
    let why = "execution error:\njob process terminated due to timeout after exceeding";
    let result = json!({"error": {"name": "ExecutionErr", "message": why}});
    job.end(&project.api, false, result).await;
    let event = project.event(protocol, "job_failed").await;
    assert_eq!(event["metadata"]["job_id"], id.to_string());
    assert_eq!(event["metadata"]["error_category"], "timeout");
}

#[tokio::test]
async fn other_ends_and_runs_of_no_protocol_or_of_another_protocols_step_tell_no_more() {
    let project = Project::new().await;
    let protocol = planned(&project).await;
    let other = project.planned(json!([shell_step("b", "work.sh", json!({}))]));
    let other = other.await;
    for (run_id, status, more) in [
        ("r1", "succeeded", json!({"protocol_run_id": protocol})),
        ("r2", "cancelled", json!({"protocol_run_id": protocol})),
        ("r3", "failed", json!({"project_id": project.id})),
        ("r4", "failed", json!({"protocol_run_id": 99})),
        (
            "r5",
            "failed",
            json!({"protocol_run_id": other, "step_run_id": 1}),
        ),
    ] {
        registered(&project, run_id, JOB, more).await;
        finished(&project, run_id, &json!({"status": status})).await;
    }
    assert!(told(&project, protocol, "job_failed").await.is_empty());
    let events = told(&project, other, "job_failed").await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["step_run_id"], Value::Null);
}

/// Begins a step's work as a worker does.
async fn begun(project: &Project, protocol: i64, holder: &str) -> Claimed {
    let step = project.next(protocol, holder).await;
    let path = format!("/steps/{}/actions/begin", step.step);
    let body = json!({"claim": step.claim, "kind": "execute"});
    project.api.post(&path, &body).await.expect(200);
    step
}

async fn refused(project: &Project, step: &Claimed, outcome: &str, telemetry: Value) {
    let report = json!({
        "report": "executed", "outcome": outcome, "summary": "late", "telemetry": telemetry,
    });
    let path = format!("/steps/{}/actions/report", step.step);
    let body = json!({"claim": step.claim, "report": report});
    let answer = project.api.post(&path, &body).await.expect(409);
    let detail = answer["detail"].as_str().unwrap();
    assert!(detail.contains("does not hold step"), "{detail}");
}

/// A worker that is late, and the event of it.
pub(crate) async fn late(project: &Project) -> i64 {
    let protocol = planned(project).await;
    let late = begun(project, protocol, JOB).await;
    project.later(Duration::from_secs(61));
    refused(project, &late, "succeeded", json!({})).await;
    refused(project, &late, "failed", json!({})).await;
    protocol
}

#[tokio::test]
async fn a_report_of_a_job_that_has_lost_its_claim_is_refused_and_told_once() {
    let project = Project::new().await;
    let protocol = late(&project).await;
    let events = told(&project, protocol, "unknown_job").await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["step_run_id"], 1);
    let metadata = &events[0]["metadata"];
    assert_eq!(metadata["job_id"], JOB);
    assert_eq!(metadata["protocol_run_id"], protocol);
    assert_eq!(project.steps(protocol).await, ["pending"]);
    let story = project.story(protocol).await;
    assert_eq!(story[1..], ["step_stuck_watchdog", "unknown_job"]);
}

#[tokio::test]
async fn a_strangers_claim_and_work_that_was_stopped_are_refused_without_a_word() {
    let project = Project::new().await;
    let protocol = planned(&project).await;
    let stopped = begun(&project, protocol, "flow").await;
    let stranger = Claimed {
        step: stopped.step,
        claim: "made-up".to_owned(),
    };
    refused(&project, &stranger, "succeeded", json!({})).await;
    project.action(protocol, "cancel").await.expect(200);
    refused(&project, &stopped, "cancelled", json!({})).await;
    assert!(told(&project, protocol, "unknown_job").await.is_empty());
    let telemetry = json!({"job_id": "of-the-worker", "engine_id": "codex"});
    refused(&project, &stopped, "succeeded", telemetry).await;
    let event = project.event(protocol, "unknown_job").await;
    assert_eq!(event["metadata"]["job_id"], "of-the-worker");
    assert_eq!(event["metadata"]["engine_id"], "codex");
    assert_eq!(project.status(protocol).await, "cancelled");
}
