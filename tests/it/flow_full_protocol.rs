//! `full_protocol`, run in the mill with doubles of the steps.
//!
//! Always so: the flow is the one that is shipped; its steps alone are doubles.

use serde_json::{Value, json};

use crate::flow_doubles::{Does, Doubles, selection, step, verdict};

const SELECT: &str = "protocol_select_next_step";
const EXECUTE: &str = "step_execute_api";
const QA: &str = "step_run_qa_api";

fn quality(passed: bool, blocking: &[&str]) -> Value {
    json!({
        "passed": passed, "verdict": if passed { "pass" } else { "fail" }, "blocking_failures": blocking,
        "failed_step_run_id": if passed { Value::Null } else { json!(8) },
    })
}

fn planned() -> Doubles {
    let planned = json!({"protocol": {"id": 1}, "status": "planned"});
    Doubles::new()
        .with("protocol_plan_and_wait", planned)
        .with("open_pr", json!({"success": true}))
        .with(
            "handle_feedback",
            json!({"resolved": true, "next_action": "execute_step"}),
        )
        .with(QA, verdict("passed"))
        .with(EXECUTE, step(0, "needs_qa"))
}

fn rounds(rounds: &[&[i64]]) -> Vec<Does> {
    rounds
        .iter()
        .map(|steps| Does::Yields(selection(steps)))
        .collect()
}

fn sorted(mut calls: Vec<String>) -> Vec<String> {
    calls.sort();
    calls
}

#[tokio::test]
async fn every_ready_step_runs_until_none_is_left() {
    let doubles = planned()
        .answers(SELECT, "1", &rounds(&[&[7], &[8, 9], &[]]))
        .answers(EXECUTE, "9", &[Does::Yields(step(9, "completed"))])
        .with("run_quality", quality(true, &[]));
    let inputs = json!({"protocol_run_id": 1, "feature_request": "More"});
    let end = doubles.run("full_protocol", inputs).await;
    assert!(end.success, "{}", end.result);
    assert_eq!(*end.result, json!({"success": true}));
    let calls = doubles.calls();
    assert_eq!(
        calls[1..5],
        [
            "protocol_plan_and_wait 1 - -",
            "protocol_select_next_step 1 true",
            "step_execute_api 7 c7",
            "step_run_qa_api 7 - c7",
        ]
    );
    assert_eq!(
        sorted(calls[6..9].to_vec()),
        [
            "step_execute_api 8 c8",
            "step_execute_api 9 c9",
            "step_run_qa_api 8 - c8"
        ]
    );
    assert_eq!(
        calls[9..],
        [
            "protocol_select_next_step 1 true",
            "run_quality 1 - - -",
            "open_pr 1 [DevGodzilla] More - -",
        ]
    );
}

#[tokio::test]
async fn a_step_that_a_policy_sent_back_runs_again() {
    let doubles = planned()
        .answers(SELECT, "1", &rounds(&[&[7], &[7], &[]]))
        .answers(
            QA,
            "7",
            &[
                Does::Yields(verdict("failed")),
                Does::Yields(verdict("passed")),
            ],
        )
        .with("run_quality", quality(true, &[]));
    let end = doubles
        .run("full_protocol", json!({"protocol_run_id": 1}))
        .await;
    assert!(end.success, "{}", end.result);
    let executions = doubles
        .names()
        .iter()
        .filter(|name| *name == EXECUTE)
        .count();
    assert_eq!(executions, 2);
}

#[tokio::test]
async fn a_step_that_fails_does_not_stop_the_others() {
    let doubles = planned()
        .answers(SELECT, "1", &rounds(&[&[7, 8], &[9], &[]]))
        .answers(EXECUTE, "7", &[Does::Fails("the engine is lost")])
        .with("run_quality", quality(false, &["article_3"]));
    let end = doubles
        .run("full_protocol", json!({"protocol_run_id": 1}))
        .await;
    assert!(end.success, "{}", end.result);
    let calls = doubles.calls();
    assert!(
        calls.contains(&"step_run_qa_api 9 - c9".to_owned()),
        "{calls:?}"
    );
    assert!(
        !calls
            .iter()
            .any(|call| call.starts_with("step_run_qa_api 7")),
        "{calls:?}"
    );
    assert!(
        !doubles
            .names()
            .iter()
            .any(|name| name.starts_with("finish")),
        "{calls:?}"
    );
    assert!(
        calls
            .last()
            .unwrap()
            .starts_with("handle_feedback clarify {"),
        "{calls:?}"
    );
}

#[tokio::test]
async fn what_failed_is_tried_again_and_then_someone_has_to_look() {
    let doubles = planned()
        .answers(SELECT, "1", &rounds(&[&[]]))
        .with("run_quality", quality(false, &[]));
    let end = doubles
        .run("full_protocol", json!({"protocol_run_id": 1}))
        .await;
    assert!(end.success, "{}", end.result);
    let names = doubles.names();
    let times = |name: &str| names.iter().filter(|one| *one == name).count();
    assert_eq!((times("run_quality"), times("handle_feedback")), (20, 20));
    let feedback: Vec<_> = doubles.calls();
    let feedback: Vec<_> = feedback
        .iter()
        .filter(|call| call.starts_with("handle_"))
        .collect();
    assert!(
        feedback[0].starts_with("handle_feedback retry {"),
        "{feedback:?}"
    );
    assert!(
        feedback[0].ends_with("} 8 1"),
        "the failed step is named: {feedback:?}"
    );
    assert!(
        feedback[19].starts_with("handle_feedback block {"),
        "{feedback:?}"
    );
}

#[tokio::test]
async fn a_second_attempt_may_pass() {
    let doubles = planned()
        .answers(SELECT, "1", &rounds(&[&[7], &[], &[8], &[]]))
        .answers(
            "run_quality",
            "1",
            &[
                Does::Yields(quality(false, &[])),
                Does::Yields(quality(true, &[])),
            ],
        );
    let end = doubles
        .run("full_protocol", json!({"protocol_run_id": 1}))
        .await;
    assert_eq!(*end.result, json!({"success": true}));
    assert!(
        doubles
            .calls()
            .contains(&"step_execute_api 8 c8".to_owned())
    );
}

#[tokio::test]
async fn a_new_protocol_is_planned_from_the_request() {
    let doubles = planned()
        .with("plan_protocol", json!({"protocol_run_id": 5}))
        .answers(SELECT, "5", &rounds(&[&[]]))
        .with("run_quality", quality(true, &[]));
    let inputs = json!({"project_id": 3, "feature_request": "More", "branch_name": "feature-more"});
    let end = doubles.run("full_protocol", inputs).await;
    assert!(end.success, "{}", end.result);
    let calls = doubles.calls();
    assert_eq!(calls[1], "plan_protocol 3 More null feature-more codex");
    assert_eq!(calls.last().unwrap(), "open_pr 5 [DevGodzilla] More - -");
}

#[tokio::test]
async fn a_claim_that_cannot_be_made_fails_the_flow() {
    let doubles = planned().failing(SELECT, "the API is away");
    let end = doubles
        .run("full_protocol", json!({"protocol_run_id": 1}))
        .await;
    assert!(!end.success);
    assert!(
        doubles
            .names()
            .iter()
            .any(|name| name.starts_with("finish"))
    );
}
