//! Each flow, run in the mill with doubles of the steps, for each of its branches.
//!
//! Always so: the flow is the one that is shipped; its steps alone are doubles.

use serde_json::{Value, json};

use crate::flow_doubles::{Does, Doubles, selection, step, verdict};

const SELECT: &str = "protocol_select_next_step";
const EXECUTE: &str = "step_execute_api";
const QA: &str = "step_run_qa_api";
const FINISH: &str = "finish_tasksgodzilla_codex_run";

#[tokio::test]
async fn without_a_ready_step_the_selection_says_why() {
    let doubles = Doubles::new().with(SELECT, selection(&[]));
    let end = doubles
        .run("run_next_step", json!({"protocol_run_id": 1}))
        .await;
    assert!(end.success);
    assert_eq!(end.result["step_run_id"], Value::Null);
    assert_eq!(end.result["message"], "as asked");
    assert_eq!(doubles.names(), ["emit_tasksgodzilla_codex_refs", SELECT]);
}

#[tokio::test]
async fn the_claim_goes_from_selection_to_execution_and_check() {
    let doubles = Doubles::new()
        .with(SELECT, selection(&[7]))
        .with(EXECUTE, step(7, "needs_qa"))
        .with(QA, verdict("passed"));
    let inputs = json!({"protocol_run_id": 1, "gates": ["lint"], "tgz_params": {"by": "me"}});
    let end = doubles.run("run_next_step", inputs).await;
    assert!(end.success, "{}", end.result);
    assert_eq!(end.result["verdict"], "passed");
    assert_eq!(
        doubles.calls(),
        [
            "emit_tasksgodzilla_codex_refs null windmill_run_next_step exec null 1 - {\"by\":\"me\"} true",
            "protocol_select_next_step 1 -",
            "step_execute_api 7 c7",
            "step_run_qa_api 7 [\"lint\"] c7",
        ]
    );
}

#[tokio::test]
async fn a_step_that_needs_no_check_is_not_checked() {
    let doubles = Doubles::new()
        .with(SELECT, selection(&[7]))
        .with(EXECUTE, step(7, "completed"));
    let end = doubles
        .run("run_next_step", json!({"protocol_run_id": 1}))
        .await;
    assert!(end.success, "{}", end.result);
    assert_eq!(*end.result, step(7, "completed"));
    assert!(!doubles.names().contains(&QA.to_owned()));
}

#[tokio::test]
async fn a_failed_execution_is_not_checked_and_ends_the_run() {
    let doubles = Doubles::new()
        .with(SELECT, selection(&[7]))
        .failing(EXECUTE, "the engine is lost");
    let end = doubles
        .run("run_next_step", json!({"protocol_run_id": 1}))
        .await;
    assert!(!end.success);
    assert_eq!(end.result["closed"], true, "{}", end.result);
    assert_eq!(doubles.names()[2..], [EXECUTE, FINISH]);
    let finish = doubles.calls().pop().unwrap();
    assert!(
        finish.starts_with("finish_tasksgodzilla_codex_run run-1 - {"),
        "{finish}"
    );
    assert!(finish.contains("the engine is lost"), "{finish}");
}

#[tokio::test]
async fn a_flow_goes_on_when_its_run_cannot_be_registered() {
    let doubles = Doubles::new()
        .failing("emit_tasksgodzilla_codex_refs", "the API is away")
        .with(EXECUTE, step(7, "completed"));
    let end = doubles
        .run("step_execute_with_qa", json!({"step_run_id": 7}))
        .await;
    assert!(end.success, "{}", end.result);
    assert_eq!(doubles.names().last().unwrap(), EXECUTE);
}

#[tokio::test]
async fn the_failure_step_does_without_a_registered_run() {
    for (inputs, run_id) in [
        (json!({"step_run_id": 7}), "null"),
        (json!({"step_run_id": 7, "tgz_run_id": "mine"}), "mine"),
    ] {
        let doubles = Doubles::new()
            .failing("emit_tasksgodzilla_codex_refs", "the API is away")
            .failing(EXECUTE, "the engine is lost");
        let end = doubles.run("step_execute_with_qa", inputs).await;
        assert!(!end.success);
        let finish = doubles.calls().pop().unwrap();
        let expected = format!("finish_tasksgodzilla_codex_run {run_id} - {{");
        assert!(finish.starts_with(&expected), "{finish}");
    }
}

#[tokio::test]
async fn a_selection_that_fails_is_tried_again_and_then_fails_the_flow() {
    let turns = [Does::Fails("away"), Does::Yields(selection(&[]))];
    let doubles = Doubles::new().answers(SELECT, "any", &turns);
    let end = doubles
        .run("run_next_step", json!({"protocol_run_id": 1}))
        .await;
    assert!(end.success, "{}", end.result);
    assert_eq!(doubles.names()[1..], [SELECT, SELECT]);
}

#[tokio::test]
async fn planning_waits_as_long_as_asked() {
    let planned = json!({"protocol": {"id": 1}, "status": "planned"});
    let doubles = Doubles::new().with("protocol_plan_and_wait", planned.clone());
    let end = doubles
        .run(
            "protocol_start",
            json!({"protocol_run_id": 1, "timeout_seconds": 9}),
        )
        .await;
    assert_eq!(*end.result, planned);
    assert_eq!(doubles.calls()[1], "protocol_plan_and_wait 1 9 500");
}

#[tokio::test]
async fn onboarding_hands_the_checkout_on() {
    let doubles = Doubles::new()
        .with("clone_repo", json!({"success": true, "path": "/w/demo"}))
        .with("analyze_project", json!({"language": "rust"}))
        .with("initialize_speckit", json!({"success": true}));
    let inputs = json!({"repo_url": "https://example.invalid/demo.git", "project_name": "Demo", "project_id": 3});
    let end = doubles.run("project_onboarding", inputs).await;
    assert_eq!(*end.result, json!({"success": true}));
    assert_eq!(
        doubles.calls()[1..],
        [
            "clone_repo https://example.invalid/demo.git main - 3",
            "analyze_project /w/demo 3",
            "initialize_speckit /w/demo Demo - 3",
        ]
    );
}

#[tokio::test]
async fn specification_plan_and_tasks_follow_each_other() {
    let doubles = Doubles::new()
        .with("generate_spec", json!({"spec_path": "s.md"}))
        .with("generate_plan", json!({"plan_path": "p.md"}))
        .with("generate_tasks", json!({"task_count": 2}));
    let inputs = json!({"project_path": "/w/demo", "feature_request": "More of it"});
    let end = doubles.run("spec_to_tasks", inputs).await;
    assert_eq!(*end.result, json!({"task_count": 2}));
    assert_eq!(
        doubles.calls()[1..],
        [
            "generate_spec More of it /w/demo null - -",
            "generate_plan s.md /w/demo null null",
            "generate_tasks p.md /w/demo null",
        ]
    );
}

#[tokio::test]
async fn a_step_on_the_worker_is_checked_under_the_same_claim() {
    let executed =
        json!({"status": "success", "step_run_id": 7, "step_status": "needs_qa", "claim": "c7"});
    let doubles = Doubles::new()
        .with("execute_step", executed)
        .with("run_qa", json!({"passed": true}));
    let inputs = json!({"step_id": "T001", "protocol_run_id": 1});
    let end = doubles.run("execute_protocol", inputs).await;
    assert_eq!(*end.result, json!({"passed": true}));
    assert_eq!(
        doubles.calls()[1..],
        ["execute_step null 1 T001 codex {} -", "run_qa 7 - - - - c7"]
    );
}
