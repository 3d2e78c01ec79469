//! Triggers followed to their end: from the claim on their step to what came of its work.
//!
//! Always so: what became of a trigger is read from the protocol's events.

use std::time::Duration;

use serde_json::{Value, json};

use crate::protocol_fixture::{Claimed, Project, shell_step};

const FLOW: &str = "0190f9a4-7f3e-7d20-9f10-1a2b3c4d5e6f";

/// A protocol whose first step has triggered its second.
pub(crate) async fn triggered(project: &Project, second: &str) -> i64 {
    let trigger = json!({
        "behavior": {"type": "trigger", "triggerAgentId": "b"}, "condition": "qa_passed",
    });
    project.script("work.sh", "echo done");
    let steps = json!([
        shell_step("00-a", "work.sh", json!({"policies": [trigger]})),
        shell_step("01-b", second, json!({})),
    ]);
    let protocol = project.planned(steps).await;
    let first = project.next(protocol, "flow").await;
    project.execute(&first).await;
    protocol
}

/// What became of the trigger, in order.
async fn story(project: &Project, protocol: i64) -> Vec<String> {
    let events = project.events(protocol).await;
    let names = events.iter().map(|event| &event["event_type"]);
    let names = names.map(|name| name.as_str().unwrap().to_owned());
    names
        .filter(|name| name.starts_with("trigger_"))
        .skip_while(|name| *name != "trigger_pending")
        .skip(1)
        .collect()
}

#[tokio::test]
async fn a_triggered_step_is_enqueued_by_its_flow_and_executed_once() {
    let project = Project::new().await;
    let protocol = triggered(&project, "work.sh").await;
    let step = project.next(protocol, FLOW).await;
    project.next(protocol, FLOW).await;
    project.execute(&step).await;
    let expected = ["trigger_enqueued", "trigger_executed_inline"];
    assert_eq!(story(&project, protocol).await, expected);
    for name in expected {
        let event = project.event(protocol, name).await;
        assert_eq!(event["step_run_id"], step.step, "{name}");
        let told = &event["metadata"];
        assert_eq!(told["target_step_id"], step.step, "{name}");
        assert_eq!(told["source"], "00-a", "{name}");
        assert_eq!(told["inline_depth"], 1, "{name}");
        assert_eq!(told["job_id"], FLOW, "{name}");
        assert!(told["spec_hash"].is_string(), "{name}");
    }
    let executed = project.event(protocol, "trigger_executed_inline").await;
    assert_eq!(executed["metadata"]["engine_id"], "shell");
}

#[tokio::test]
async fn a_triggered_step_that_is_executed_without_a_claim_is_enqueued_too() {
    let project = Project::new().await;
    let protocol = triggered(&project, "work.sh").await;
    let steps = format!("/steps?protocol_run_id={protocol}");
    let steps = project.api.get(&steps).await.expect(200);
    let path = format!("/steps/{}/actions/execute", steps[1]["id"]);
    let begun = project.api.post(&path, &json!({})).await.expect(202);
    project.ended(begun["execution_id"].as_str().unwrap()).await;
    let expected = ["trigger_enqueued", "trigger_executed_inline"];
    assert_eq!(story(&project, protocol).await, expected);
    let enqueued = project.event(protocol, "trigger_enqueued").await;
    assert_eq!(enqueued["metadata"]["job_id"], Value::Null);
}

#[tokio::test]
async fn a_trigger_ends_with_the_failure_of_its_step_and_not_again_with_a_retry() {
    let project = Project::new().await;
    project.script("fail.sh", "exit 1");
    let protocol = triggered(&project, "fail.sh").await;
    let step = project.next(protocol, FLOW).await;
    project.execute(&step).await;
    let retry = format!("/steps/{}/actions/retry", step.step);
    project.api.post(&retry, &json!({})).await.expect(200);
    let step = project.next(protocol, FLOW).await;
    project.execute(&step).await;
    let expected = ["trigger_enqueued", "trigger_inline_failed"];
    assert_eq!(story(&project, protocol).await, expected);
}

#[tokio::test]
async fn a_trigger_whose_claim_lapses_waits_again_used_or_not() {
    let project = Project::new().await;
    let protocol = triggered(&project, "work.sh").await;
    project.next(protocol, "too slow").await;
    project.later(Duration::from_mins(6));
    let vanishes = project.next(protocol, "vanishes").await;
    begin(&project, &vanishes).await;
    project.later(Duration::from_secs(61));
    let step = project.next(protocol, FLOW).await;
    project.execute(&step).await;
    let expected = [
        "trigger_enqueued",
        "trigger_enqueue_failed",
        "trigger_enqueued",
        "trigger_enqueue_failed",
        "trigger_enqueued",
        "trigger_executed_inline",
    ];
    assert_eq!(story(&project, protocol).await, expected);
}

#[tokio::test]
async fn a_triggered_step_that_is_approved_or_was_stopped_tells_no_more_than_what_happened() {
    let project = Project::new().await;
    let protocol = triggered(&project, "work.sh").await;
    let step = project.next(protocol, FLOW).await;
    begin(&project, &step).await;
    let path = format!("/steps/{}/actions/report", step.step);
    let stopped = json!({"claim": step.claim, "report": {
        "report": "executed", "outcome": "cancelled", "summary": "stopped", "telemetry": {},
    }});
    project.api.post(&path, &stopped).await.expect(200);
    let approve = format!("/steps/{}/actions/approve", step.step);
    project.api.post(&approve, &json!({})).await.expect(200);
    assert_eq!(story(&project, protocol).await, ["trigger_enqueued"]);
    let shown = project.api.get(&format!("/steps/{}", step.step)).await;
    let state = &shown.expect(200)["runtime_state"];
    assert_eq!(state["trigger_status"], Value::Null);
    assert_eq!(state["last_triggered_by"], "00-a");
}

async fn begin(project: &Project, step: &Claimed) {
    let path = format!("/steps/{}/actions/begin", step.step);
    let body = json!({"claim": step.claim, "kind": "execute"});
    project.api.post(&path, &body).await.expect(200);
}
