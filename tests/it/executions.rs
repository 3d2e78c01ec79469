//! Executions over the API: engines, checks, gates, limits, logs, and stopping them.
//!
//! Always so: engines are real processes, here scripts.

use std::time::Duration;

use serde_json::{Value, json};

use crate::protocol_fixture::{Project, checked_by, shell_step};

#[tokio::test]
async fn a_failed_execution_fails_its_job_and_blocks_until_it_is_run_by_hand() {
    let project = Project::new().await;
    project.script(
        "work.sh",
        "test -f mended || { echo 'no way' >&2; exit 7; }; echo done",
    );
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    let step = project.next(protocol, "flow").await;
    let failed = project.execute(&step).await;
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["error"]["name"], "EngineFailed");
    let message = failed["error"]["message"].as_str().unwrap();
    assert!(message.ends_with("exit code 7: no way"), "{message}");
    assert_eq!(project.status(protocol).await, "blocked");
    assert_eq!(project.steps(protocol).await, ["failed"]);
    let none = project.select(protocol, "flow").await;
    assert_eq!(none["step_run_id"], Value::Null);
    let why = "No step can be run now: the protocol is blocked; step 01-work is failed: ";
    assert_eq!(none["message"], format!("{why}{message}"));

    let path = format!("/steps/{}/actions/qa", step.step);
    let refused = project.api.post(&path, &json!({})).await.expect(409);
    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.ends_with("is failed: it cannot be checked"),
        "{detail}"
    );

    std::fs::write(project.workspace.join("mended"), "").unwrap();
    let path = format!("/steps/{}/actions/execute", step.step);
    let begun = project.api.post(&path, &json!({})).await.expect(202);
    let ended = project.ended(begun["execution_id"].as_str().unwrap()).await;
    assert_eq!(ended["result"]["status"], "completed", "{ended}");
    assert_eq!(project.status(protocol).await, "completed");
}

#[tokio::test]
async fn a_check_needs_a_clear_verdict() {
    for (script, verdict, error) in [
        ("echo 'VERDICT: PASS'", "passed", false),
        ("echo 'all PASS'", "failed", false),
        ("true", "failed", false),
        ("echo 'VERDICT: PASS'; exit 1", "failed", true),
    ] {
        let project = Project::new().await;
        project
            .script("work.sh", "echo x")
            .script("check.sh", script);
        let step = shell_step("01-work", "work.sh", checked_by("check.sh"));
        let protocol = project.planned(json!([step])).await;
        let step = project.next(protocol, "flow").await;
        project.execute(&step).await;
        let checked = project.qa(&step).await;
        assert_eq!(checked["result"]["verdict"], verdict, "{script}: {checked}");
        let story = project.story(protocol).await;
        assert_eq!(story.contains(&"qa_error".to_owned()), error, "{script}");
        let blocked = project.status(protocol).await == "blocked";
        assert_eq!(blocked, verdict == "failed", "{script}");
    }
}

#[tokio::test]
async fn gates_run_where_the_project_has_a_command_and_are_skipped_elsewhere() {
    let gates = json!({"gates": {"lint": "exit 0", "test": "echo broken >&2; exit 1"}});
    let project = Project::with(&json!({"policy_overrides": gates})).await;
    project
        .script("work.sh", "echo x")
        .script("check.sh", "echo 'VERDICT: PASS'");
    let step = shell_step("01-work", "work.sh", checked_by("check.sh"));
    let protocol = project.planned(json!([step])).await;
    let step = project.next(protocol, "flow").await;
    project.execute(&step).await;

    let path = format!("/steps/{}/actions/qa", step.step);
    let body = json!({"claim": step.claim, "gates": ["lint", "spelling"]});
    let refused = project.api.post(&path, &body).await.expect(400);
    let detail = refused["detail"].as_str().unwrap();
    assert_eq!(
        detail,
        "\"spelling\" is no gate: use one of lint, type, test"
    );

    let all = json!({"gates": ["lint", "type", "test"]});
    let execution = project.begin(&step, "qa", all).await;
    let result = project.ended(&execution).await["result"].clone();
    assert_eq!(result["verdict"], "failed");
    let gates = result["gates"].as_array().unwrap();
    let statuses: Vec<_> = gates
        .iter()
        .map(|gate| (&gate["id"], &gate["status"]))
        .collect();
    assert_eq!(
        json!(statuses),
        json!([["lint", "passed"], ["type", "skipped"], ["test", "failed"]])
    );
    let message = gates[2]["findings"][0]["message"].as_str().unwrap();
    assert!(message.ends_with("exit code 1: broken"), "{message}");
}

#[tokio::test]
async fn a_prompt_that_is_missing_or_outside_fails_the_step_and_blocks() {
    for (prompt, reason) in [
        ("missing.sh", "there is no missing.sh"),
        ("bin/sh", "leads out of the workspace"),
    ] {
        let project = Project::new().await;
        std::os::unix::fs::symlink("/bin", project.workspace.join("bin")).unwrap();
        project.script("missing.sh", "true");
        let protocol = project
            .planned(json!([shell_step("01-work", prompt, json!({}))]))
            .await;
        std::fs::remove_file(project.workspace.join("missing.sh")).unwrap();
        let step = project.next(protocol, "flow").await;
        let failed = project.execute(&step).await;
        assert_eq!(failed["error"]["name"], "SpecInvalid");
        let message = failed["error"]["message"].as_str().unwrap();
        assert!(message.contains(reason), "{message}");
        assert_eq!(project.status(protocol).await, "blocked");
        let event = project.event(protocol, "spec_validation_error").await;
        assert_eq!(event["metadata"]["step"], "01-work");
    }
}

#[tokio::test]
async fn an_unknown_engine_is_named_with_those_that_there_are() {
    let project = Project::new().await;
    project.script("work.sh", "true");
    let step = shell_step("01-work", "work.sh", json!({"engine_id": "abacus"}));
    let protocol = project.planned(json!([step])).await;
    let step = project.next(protocol, "flow").await;
    let failed = project.execute(&step).await;
    let message = failed["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("the engine abacus is not known: this version has "),
        "{message}"
    );
    assert!(
        message.contains("codex, gemini, opencode, shell"),
        "{message}"
    );
    assert_eq!(project.status(protocol).await, "blocked");
}

#[tokio::test]
async fn an_execution_that_is_stopped_ends_its_processes_and_frees_its_step() {
    let project = Project::new().await;
    project.script("work.sh", "sleep 600 & echo $! > child; wait");
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    let step = project.next(protocol, "flow").await;
    let execution = project.begin(&step, "execute", json!({})).await;
    project.appears("child").await;
    let path = format!("/executions/{execution}/cancel");
    let stopped = project.api.post(&path, &json!({})).await.expect(200);
    assert_eq!(stopped["status"], "cancelled");
    project.process_ends("child").await;
    assert_eq!(project.steps(protocol).await, ["pending"]);
    project.next(protocol, "another").await;
}

#[tokio::test]
async fn one_that_left_the_engines_group_ends_with_the_execution() {
    let project = Project::new().await;
    let leaves = "setsid sh -c 'echo $$ > child; exec sleep 600' &";
    let work = format!("{leaves} while [ ! -s child ]; do :; done; echo done");
    project.script("work.sh", &work);
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    let step = project.next(protocol, "flow").await;
    let ended = project.execute(&step).await;
    assert_eq!(ended["status"], "succeeded", "{ended}");
    project.process_ends("child").await;
}

#[tokio::test]
async fn cancelling_a_protocol_ends_what_runs_for_it() {
    let project = Project::new().await;
    project.script("work.sh", "sleep 600 & echo $! > child; wait");
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    let step = project.next(protocol, "flow").await;
    let execution = project.begin(&step, "execute", json!({})).await;
    project.appears("child").await;
    project.action(protocol, "cancel").await.expect(200);
    assert_eq!(project.ended(&execution).await["status"], "cancelled");
    project.process_ends("child").await;
    assert_eq!(project.steps(protocol).await, ["cancelled"]);
    assert_eq!(project.story(protocol).await.last().unwrap(), "cancelled");
}

#[tokio::test]
async fn a_time_limit_fails_the_step() {
    let project = Project::new().await;
    project.script("work.sh", "exec sleep 600");
    let step = shell_step("01-work", "work.sh", json!({"timeout_seconds": 1}));
    let protocol = project.planned(json!([step])).await;
    let step = project.next(protocol, "flow").await;
    let failed = project.execute(&step).await;
    assert_eq!(failed["error"]["name"], "TimedOut");
    assert_eq!(project.status(protocol).await, "blocked");
}

#[tokio::test]
async fn waiting_is_answered_when_the_time_is_over() {
    let project = Project::new().await;
    project.script(
        "work.sh",
        "while [ ! -f go ]; do sleep 0.05; done; echo done",
    );
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    let step = project.next(protocol, "flow").await;
    let execution = project.begin(&step, "execute", json!({})).await;
    let path = format!("/executions/{execution}?wait=1");
    assert_eq!(
        project.api.get(&path).await.expect(200)["status"],
        "running"
    );
    std::fs::write(project.workspace.join("go"), "").unwrap();
    assert_eq!(project.ended(&execution).await["status"], "succeeded");
    let log = project
        .api
        .folder
        .path()
        .join(format!("logs/executions/{execution}.log"));
    let log = std::fs::read_to_string(log).unwrap();
    assert_eq!(log, "done\nmillwright: executed, 5 bytes of output\n");
    project
        .api
        .get(&format!("/executions/{execution}?wait=61"))
        .await
        .expect(422);
    project.later(Duration::from_hours(1));
    assert_eq!(project.ended(&execution).await["status"], "succeeded");
}

#[tokio::test]
async fn the_log_of_a_flows_execution_is_an_artifact_of_the_flows_run() {
    let flow = "0f000000-0000-4000-8000-000000000001";
    let project = Project::new().await;
    project.script("work.sh", "echo working; echo aside >&2");
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    let run = json!({"run_id": "flow-run", "job_type": "windmill_run_next_step"});
    project
        .api
        .post("/codex/runs/start", &run)
        .await
        .expect(200);
    let path = "/codex/runs/flow-run/artifacts/upsert";
    let logs = json!({
        "name": "windmill.flow.logs", "kind": "log", "path": format!("windmill://job/{flow}/logs"),
    });
    project.api.post(path, &logs).await.expect(200);

    let step = project.next(protocol, flow).await;
    project.execute(&step).await;
    let listed = project
        .api
        .get("/codex/runs/flow-run/artifacts")
        .await
        .expect(200);
    let start = format!("step.{}.execute.", step.step);
    let is_log = |artifact: &&Value| artifact["name"].as_str().unwrap().starts_with(&start);
    let log = listed.as_array().unwrap().iter().find(is_log).unwrap();
    let path = format!("/codex/runs/flow-run/artifacts/{}/content", log["id"]);
    let content = project.api.get(&path).await;
    assert_eq!(content.status, 200, "{}", content.text);
    for line in [
        "working",
        "aside",
        "millwright: executed, 8 bytes of output",
    ] {
        assert!(
            content.text.lines().any(|found| found == line),
            "{}",
            content.text
        );
    }
}
