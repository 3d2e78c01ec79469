//! `handle_feedback` as a process against the API: what it asks holds work back, and answers let it go.
//!
//! Always so: what follows is read from the API, not from what the step says of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::protocol_fixture::{Project, shell_step};
use crate::worker::run;

/// A protocol whose only step has failed, with the step's id.
async fn failed(script: &str) -> (Project, i64, i64) {
    let project = Project::new().await;
    project.script("work.sh", script);
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    let step = project.next(protocol, "flow").await;
    let ended = project.execute(&step).await;
    assert_eq!(ended["status"], "failed", "{ended}");
    assert_eq!(project.status(protocol).await, "blocked");
    (project, protocol, step.step)
}

async fn handle(project: &Project, args: Value) -> Value {
    run(project, "handle_feedback", &args).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_about_a_failed_step_holds_it_until_the_answer_lets_it_run_again() {
    let told = "printf %s \"$MILLWRIGHT_ANSWERS\" | grep '^Answer: '";
    let (project, protocol, step) = failed(told).await;
    let args = json!({"action": "clarify", "step_run_id": step, "context": {"error": "it broke"}});
    let asked = handle(&project, args.clone()).await;
    assert_eq!(asked["resolved"], false);
    assert_eq!(asked["next_action"], "await_user_input");
    assert_eq!(asked["options"].as_array().unwrap().len(), 4);
    assert!(asked["question"].as_str().unwrap().contains("it broke"));
    assert_eq!(project.steps(protocol).await, ["blocked"]);
    assert_eq!(project.status(protocol).await, "blocked");
    let waits = project.event(protocol, "step_blocked_clarifications").await;
    assert_eq!(waits["metadata"]["blocking"][0]["key"], "feedback-1");
    let none = project.select(protocol, "flow").await;
    assert_eq!(none["step_run_id"], Value::Null);

    let id = &asked["updated_context"]["clarification_id"];
    let again = handle(&project, args.clone()).await;
    assert_eq!(&again["updated_context"]["clarification_id"], id);
    let retry = json!({"action": "retry", "step_run_id": step});
    let retry = handle(&project, retry).await;
    assert_eq!(retry["next_action"], "await_user_input", "{retry}");

    let path = format!("/clarifications/{id}/answer");
    let body = json!({"answer": asked["options"][1]});
    project.api.post(&path, &body).await.expect(200);
    assert_eq!(project.steps(protocol).await, ["pending"]);
    let step = project.next(protocol, "flow").await;
    project.execute(&step).await;
    assert_eq!(project.status(protocol).await, "completed");
    let option = asked["options"][1].as_str().unwrap();
    let output = project.read(".protocols/0001-demo/outputs/01-work.md");
    assert_eq!(output, format!("Answer: {option}\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_tried_again_twice_and_then_asked_about() {
    let (project, protocol, step) = failed("exit 3").await;
    for nth in 1..=3 {
        let args = json!({"action": "retry", "protocol_run_id": protocol});
        let handled = handle(&project, args).await;
        if nth == 3 {
            assert_eq!(handled["next_action"], "await_user_input");
            break;
        }
        assert_eq!(handled["resolved"], true, "{handled}");
        assert_eq!(handled["updated_context"]["retry_count"], nth);
        assert_eq!(project.steps(protocol).await, ["pending"]);
        let claimed = project.next(protocol, "flow").await;
        assert_eq!(claimed.step, step);
        project.execute(&claimed).await;
    }
    assert_eq!(project.steps(protocol).await, ["blocked"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_about_what_is_well_or_has_ended() {
    let project = Project::new().await;
    project.script("work.sh", "echo done");
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    let step = project.next(protocol, "flow").await;
    let about_step = json!({"action": "clarify", "step_run_id": step.step});
    let refused = run(&project, "handle_feedback", &about_step)
        .await
        .unwrap_err();
    assert!(refused.contains("(01-work) is pending"), "{refused}");
    assert_eq!(project.steps(protocol).await, ["pending"]);

    project.execute(&step).await;
    assert_eq!(project.status(protocol).await, "completed");
    let refused = run(&project, "handle_feedback", &about_step)
        .await
        .unwrap_err();
    assert!(refused.contains("(01-work) is completed"), "{refused}");
    let about_protocol = json!({"action": "clarify", "protocol_run_id": protocol});
    let handled = handle(&project, about_protocol).await;
    assert_eq!(handled["next_action"], "manual");
    assert_eq!(handled["question"], Value::Null);

    for scope in [
        json!({"protocol_run_id": protocol}),
        json!({"step_run_id": step.step}),
    ] {
        let mut question = scope;
        question["key"] = "db".into();
        question["question"] = "Which database?".into();
        question["blocking"] = true.into();
        let answer = project.api.post("/clarifications", &question).await;
        let detail = answer.expect(409)["detail"].to_string();
        assert!(detail.contains("nothing in it waits"), "{detail}");
        question["blocking"] = false.into();
        project
            .api
            .post("/clarifications", &question)
            .await
            .expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_of_another_protocol_is_left_alone() {
    let (project, _, step) = failed("exit 3").await;
    let other = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    for action in ["skip", "retry", "clarify"] {
        for args in [
            json!({"action": action, "protocol_run_id": other, "step_run_id": step}),
            json!({"action": action, "protocol_run_id": other, "context": {"failed_step_run_id": step}}),
        ] {
            let refused = run(&project, "handle_feedback", &args).await.unwrap_err();
            let said = format!("step {step} is none of protocol {other}'s");
            assert!(refused.contains(&said), "{args}: {refused}");
        }
    }
    let path = format!("/steps/{step}");
    let untouched = project.api.get(&path).await.expect(200);
    assert_eq!(untouched["status"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_broke_off_is_no_retry() {
    let (project, protocol, step) = failed("exit 3").await;
    let retry = json!({"action": "retry", "step_run_id": step});
    handle(&project, retry.clone()).await;
    for _ in 0..3 {
        let claimed = project.next(protocol, "worker").await;
        let path = format!("/steps/{step}/actions/begin");
        let body = json!({"claim": claimed.claim, "kind": "execute"});
        project.api.post(&path, &body).await.expect(200);
        project.later(Duration::from_mins(6));
    }
    let claimed = project.next(protocol, "flow").await;
    project.execute(&claimed).await;
    let shown = project.api.get(&format!("/steps/{step}")).await.expect(200);
    assert_eq!(shown["retries"], 1);
    assert_eq!(shown["runtime_state"]["lapses"], 3);
    let handled = handle(&project, retry).await;
    assert_eq!(handled["resolved"], true, "{handled}");
    assert_eq!(handled["updated_context"]["retry_count"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skipped_step_counts_as_done() {
    let (project, protocol, step) = failed("exit 3").await;
    let args = json!({"action": "skip", "step_run_id": step});
    let handled = handle(&project, args.clone()).await;
    assert_eq!(handled["next_action"], "continue");
    assert_eq!(handled["step_skipped"], true);
    assert_eq!(project.steps(protocol).await, ["skipped"]);
    assert_eq!(project.status(protocol).await, "completed");
    project.event(protocol, "step_skipped").await;
    assert_eq!(handle(&project, args).await["step_skipped"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protocol_that_is_to_stop_is_paused_unless_it_is_blocked() {
    let (project, protocol, _) = failed("exit 3").await;
    let args = json!({"action": "block", "protocol_run_id": protocol});
    let handled = handle(&project, args).await;
    assert_eq!(handled["next_action"], "manual");
    assert_eq!(handled["blocked"], true);
    assert_eq!(project.status(protocol).await, "blocked");

    let other = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    let args = json!({"action": "block", "protocol_run_id": other});
    handle(&project, args.clone()).await;
    assert_eq!(project.status(other).await, "paused");
    project.action(other, "cancel").await.expect(200);
    let refused = run(&project, "handle_feedback", &args).await.unwrap_err();
    assert!(refused.contains("is cancelled"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named() {
    let project = Project::new().await;
    for (args, said) in [
        (json!({"action": "panic"}), "argument action"),
        (json!({}), "argument action is missing"),
        (json!({"action": "retry"}), "argument step_run_id: name"),
        (json!({"action": "clarify"}), "argument step_run_id: name"),
        (
            json!({"action": "retry", "step_run_id": 99}),
            "answered 404",
        ),
        (
            json!({"action": "clarify", "protocol_run_id": 99}),
            "answered 404",
        ),
        (json!({"action": "skip", "step_run_id": "x"}), "step_run_id"),
    ] {
        let error = run(&project, "handle_feedback", &args).await.unwrap_err();
        assert!(error.contains(said), "{args}: {error}");
    }
}
