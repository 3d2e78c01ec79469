//! `/events`: what happened, filtered, page by page and as it comes.
//!
//! Always so: what a reader has of the list and of the stream is the same, in the same order.

use std::time::Duration;

use futures_util::StreamExt;
use millwright_core::protocol::EventType;
use reqwest::Method;
use serde_json::{Value, json};

use crate::protocol_fixture::{Project, shell_step};

/// A protocol of one step that has run.
async fn one_done(project: &Project) -> i64 {
    project.script("work.sh", "echo done");
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    let step = project.next(protocol, "flow").await;
    project.execute(&step).await;
    assert_eq!(project.status(protocol).await, "completed");
    protocol
}

#[test]
fn the_page_about_events_names_every_type() {
    let page = std::fs::read_to_string("docs/events.md").unwrap();
    for event_type in EventType::ALL {
        assert!(
            page.contains(&format!("`{event_type}`")),
            "docs/events.md lacks {event_type}"
        );
    }
}

/// Every type that the contract has.
const CONTRACT: &str = "
    planning_enqueued step_enqueued open_pr_enqueued step_retry_enqueued qa_enqueued
    paused resumed cancelled manual_approval protocol_completed
    setup_enqueued setup_completed setup_failed codemachine_import_failed planned planning_failed
    planning_blocked_clarifications step_blocked_clarifications qa_blocked_clarifications
    decompose_started decompose_completed policy_findings policy_blocked policy_autofix
    step_started step_completed codemachine_step_completed step_execution_failed codemachine_step_failed
    qa_passed qa_failed qa_passed_inline qa_failed_inline qa_inline_error qa_error qa_skipped_policy
    qa_downgraded_protocol_only qa_auto_fix_attempt qa_auto_fix_applied qa_auto_fix_error
    qa_blocked_repo open_pr_skipped repo_clone_failed repo_missing open_pr open_pr_failed open_pr_branch_exists ci_triggered
    loop_condition_skipped trigger_condition_skipped loop_limit_reached loop_decision
    trigger_missing_target trigger_skipped trigger_decision trigger_enqueued trigger_enqueue_failed trigger_pending
    trigger_executed_inline trigger_inline_failed trigger_inline_depth_exceeded
    step_stuck_watchdog job_failed unknown_job spec_validation_error spec_audit
    codemachine_import_enqueued codemachine_imported
    setup_started setup_pending_clone setup_clone_failed setup_cloned setup_local_path_recorded setup_assets setup_warning
    setup_git_remote setup_git_identity setup_clarifications setup_blocked
    setup_discovery_started setup_discovery_skipped setup_discovery_completed setup_discovery_warning
    setup_worktree_created setup_protocols_dir_created setup_branch_pushed setup_branch_push_skipped
    pr_merged mr_merged branches_listed branch_deleted branch_delete_failed";

#[test]
fn every_type_of_the_contract_is_emitted() {
    let unknown = |name: &&str| name.parse::<EventType>().is_err();
    let missing: Vec<&str> = CONTRACT.split_whitespace().filter(unknown).collect();
    assert_eq!(missing, [""; 0]);
}

async fn listed(project: &Project, query: &str) -> Vec<Value> {
    let answer = project.api.get(&format!("/events{query}")).await;
    answer.expect(200).as_array().unwrap().clone()
}

fn types(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["event_type"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn events_are_found_by_protocol_step_type_and_time() {
    let project = Project::new().await;
    let protocol = one_done(&project).await;
    let all = listed(&project, "").await;
    assert_eq!(types(&all)[0], "setup_enqueued");
    let of_protocol = listed(&project, &format!("?protocol_run_id={protocol}")).await;
    assert_eq!(types(&of_protocol), types(&project.events(protocol).await));
    assert_eq!(of_protocol[0]["protocol_name"], "0001-demo");
    assert_eq!(of_protocol[0]["project_name"], "demo");
    let of_step = listed(&project, "?step_run_id=1").await;
    assert!(of_step.iter().all(|event| event["step_run_id"] == 1));
    assert_eq!(types(&of_step)[..2], ["step_enqueued", "step_started"]);
    let chosen = listed(&project, "?event_type=planned,protocol_completed").await;
    assert_eq!(types(&chosen), ["planned", "protocol_completed"]);
    let project_id = project.id;
    assert_eq!(
        listed(&project, &format!("?project_id={project_id}")).await,
        all
    );
    assert_eq!(
        listed(&project, "?until=2020-01-01").await,
        [Value::Null; 0]
    );
    assert_eq!(listed(&project, "?since=2020-01-01T00:00:00Z").await, all);
}

#[tokio::test]
async fn pages_put_together_are_the_whole() {
    let project = Project::new().await;
    one_done(&project).await;
    let all = listed(&project, "").await;
    let (mut pages, mut after) = (Vec::new(), 0);
    loop {
        let page = listed(&project, &format!("?after={after}&limit=2")).await;
        let Some(last) = page.last() else { break };
        after = last["id"].as_i64().unwrap();
        pages.extend(page);
    }
    assert_eq!(pages, all);
}

#[tokio::test]
async fn what_is_no_type_or_time_is_refused_with_what_would_be() {
    let project = Project::new().await;
    for (query, expected) in [
        (
            "event_type=planed",
            "\"planed\" is no type of event: use one of setup_enqueued",
        ),
        ("since=yesterday", "a time is such as 2026-11-21T10:16:33Z"),
        ("limit=0", "greater than or equal to 1"),
    ] {
        let refused = project
            .api
            .get(&format!("/events?{query}"))
            .await
            .expect(422);
        let msg = refused["detail"][0]["msg"].as_str().unwrap();
        assert!(msg.contains(expected), "{msg}");
    }
}

#[tokio::test]
async fn a_protocols_events_are_followed_to_its_end_and_resumed() {
    let project = Project::new().await;
    project.script("work.sh", "echo done");
    let steps = json!([shell_step("01-work", "work.sh", json!({}))]);
    let protocol = project.planned(steps).await;
    let path = format!("/events/stream?protocol_run_id={protocol}");
    let request = project.api.request(Method::GET, &path);
    let mut stream = request.send().await.unwrap().bytes_stream();
    let first = stream.next().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("planning_enqueued"));
    project.action(protocol, "pause").await.expect(200);
    let paused = async {
        while let Some(part) = stream.next().await {
            if String::from_utf8_lossy(&part.unwrap()).contains("paused") {
                return;
            }
        }
        panic!("the stream ended");
    };
    let soon = Duration::from_secs(10);
    tokio::time::timeout(soon, paused).await.unwrap();
    project.action(protocol, "cancel").await.expect(200);
    let whole = project.api.stream_of(&path, None).await;
    let told: Vec<Value> = whole.iter().map(|sent| sent.data.clone()).collect();
    let (end, told) = told.split_last().unwrap();
    assert_eq!(types(told), types(&project.events(protocol).await));
    assert_eq!(
        *end,
        json!({"protocol_run_id": protocol, "status": "cancelled"})
    );
    let resumed = project.api.stream_of(&path, whole[0].id).await;
    assert_eq!(resumed.len(), whole.len() - 1);
    let missing = "/events/stream?protocol_run_id=99";
    project.api.get(missing).await.expect(404);
}

#[tokio::test]
async fn a_quiet_stream_of_events_ends_with_the_server() {
    let project = Project::new().await;
    let request = project
        .api
        .request(Method::GET, "/events/stream?step_run_id=99");
    let mut stream = request.send().await.unwrap().bytes_stream();
    project.api.stop().await;
    let end = tokio::time::timeout(Duration::from_secs(10), stream.next());
    assert!(end.await.unwrap().is_none());
}
