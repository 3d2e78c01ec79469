//! `handle_feedback` against an API that answers as a test says.
//!
//! Always so: what is asked of the API is looked at call by call.

use serde_json::json;

use super::*;
use crate::host::block_on;
use crate::host::double::Double;

fn step(status: &str, retries: i64) -> Value {
    json!({
        "step_index": 0, "step_name": "01-build", "step_type": "work", "status": status, "model": null,
        "summary": "gates failed: test", "engine_id": null, "policy": null, "id": 7, "protocol_run_id": 3,
        "retries": retries, "runtime_state": null, "created_at": "", "updated_at": "",
        "assigned_agent": null, "depends_on": null, "parallel_group": null,
    })
}

fn question(id: i64, status: &str) -> Value {
    json!({
        "id": id, "scope": "step:7", "project_id": 1, "protocol_run_id": 3, "step_run_id": 7,
        "key": "feedback-1", "question": "Step 01-build failed. What is to be done?", "applies_to": "execution",
        "blocking": true, "recommended": null, "options": ["a", "b"], "status": status, "answer": null,
        "answered_by": null, "answered_at": null, "created_at": "", "updated_at": "",
    })
}

fn handled(host: &Double, args: Value) -> Result<Output, StepError> {
    block_on(run(serde_json::from_value(args).unwrap(), host))
}

#[test]
fn a_failed_step_is_tried_again_until_a_person_has_to_be_asked() {
    let host = Double::new()
        .answer(200, &step("failed", 1))
        .answer(200, &step("pending", 2));
    let args = json!({"action": "retry", "step_run_id": 7, "context": {"a": 1}});
    let output = handled(&host, args.clone()).unwrap();
    assert!(output.resolved);
    assert_eq!(output.next_action, NextAction::ExecuteStep);
    let context = Value::Object(output.updated_context);
    assert_eq!(
        context,
        json!({"a": 1, "retry_count": 2, "feedback_action": "retry", "feedback_handled_at": "2026-11-21T10:16:33Z"})
    );
    assert_eq!(
        host.calls(),
        ["GET /steps/7", "POST /steps/7/actions/retry {}"]
    );

    let host = Double::new()
        .answer(200, &step("failed", 2))
        .answer(200, &json!([]))
        .answer(200, &question(4, "open"));
    let output = handled(&host, args).unwrap();
    assert!(!output.resolved);
    assert_eq!(output.next_action, NextAction::AwaitUserInput);
    assert!(
        host.calls()[2].starts_with("POST /clarifications"),
        "{:?}",
        host.calls()
    );
}

#[test]
fn the_callers_own_count_is_a_bound_too() {
    let host = Double::new()
        .answer(200, &step("failed", 0))
        .answer(200, &json!([]))
        .answer(200, &question(4, "open"));
    let args = json!({"action": "retry", "step_run_id": 7, "context": {"retry_count": 2}});
    assert_eq!(
        handled(&host, args).unwrap().next_action,
        NextAction::AwaitUserInput
    );
}

#[test]
fn a_question_that_is_open_is_not_asked_twice_and_an_answered_one_is_followed_by_another() {
    let args =
        json!({"action": "clarify", "step_run_id": 7, "context": {"blocking_failures": ["test"]}});
    let host = Double::new()
        .answer(200, &step("failed", 2))
        .answer(200, &json!([question(4, "open")]));
    let output = handled(&host, args.clone()).unwrap();
    assert_eq!(output.updated_context["clarification_id"], 4);
    assert_eq!(output.options, ["a", "b"]);
    assert_eq!(host.calls().len(), 2);

    let host = Double::new()
        .answer(200, &step("failed", 2))
        .answer(200, &json!([question(4, "answered")]))
        .answer(200, &question(5, "open"));
    handled(&host, args).unwrap();
    let asked = host.calls().pop().unwrap();
    for part in [
        r#""key":"feedback-2""#,
        r#""step_run_id":7"#,
        r#""blocking":true"#,
        "is failed: gates failed: test; test. What",
    ] {
        assert!(asked.contains(part), "{asked}");
    }
}

#[test]
fn what_is_done_already_is_not_tried_again() {
    let host = Double::new().answer(200, &step("completed", 0));
    let error = handled(&host, json!({"action": "retry", "step_run_id": 7})).unwrap_err();
    assert!(error.to_string().contains("is completed"), "{error}");
    let host = Double::new().answer(200, &step("pending", 1));
    let output = handled(&host, json!({"action": "retry", "step_run_id": 7})).unwrap();
    assert!(output.resolved);
    assert_eq!(host.calls(), ["GET /steps/7"]);
}

#[test]
fn planning_again_is_for_the_caller_and_asks_nothing() {
    let host = Double::new();
    for (action, next) in [
        ("re_plan", NextAction::GeneratePlan),
        ("re_specify", NextAction::GenerateSpec),
    ] {
        let output = handled(&host, json!({"action": action})).unwrap();
        assert_eq!((output.resolved, output.next_action), (false, next));
    }
    assert!(host.calls().is_empty());
}

#[test]
fn without_a_step_or_a_protocol_nothing_is_done() {
    for action in ["retry", "skip", "clarify", "block"] {
        let host = Double::new();
        let error = handled(&host, json!({"action": action, "step_run_id": 0})).unwrap_err();
        assert!(error.to_string().starts_with("argument step_run_id: name"));
        assert!(host.calls().is_empty());
    }
}
