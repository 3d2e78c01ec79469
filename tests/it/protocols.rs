//! Protocols over the API: planned, selected, executed, checked, sent back, completed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::protocol_fixture::{Project, shell_step};

fn checked_by(prompt: &str) -> Value {
    json!({"qa": {"policy": "full", "prompt": prompt}})
}

#[tokio::test]
async fn a_step_that_fails_its_check_is_sent_back_and_passes() {
    let project = Project::new().await;
    project
        .script("setup.sh", "echo ready")
        .script(
            "build.sh",
            "if [ -f tried ]; then echo good; else touch tried; echo bad; fi",
        )
        .script(
            "check.sh",
            "if grep -q good \"$MILLWRIGHT_OUTPUT\"; then echo 'VERDICT: PASS'; else echo 'VERDICT: FAIL'; fi",
        );
    let policy = json!({
        "module_id": "again", "condition": "qa_failed",
        "behavior": {"type": "loop", "action": "stepBack", "stepBack": 1, "maxIterations": 2},
    });
    let protocol = project
        .planned(json!([
            shell_step("00-setup", "setup.sh", json!({})),
            shell_step(
                "01-build",
                "build.sh",
                json!({
                    "depends_on": ["00-setup"], "policies": [policy],
                    "qa": {"policy": "full", "prompt": "check.sh"},
                    "outputs": {"protocol": "build.md", "aux": {"copy": "aux/build-copy.md"}},
                })
            ),
        ]))
        .await;

    let setup = project.next(protocol, "flow-1").await;
    let executed = project.execute(&setup).await;
    assert_eq!(executed["status"], "succeeded", "{executed}");
    assert_eq!(executed["result"]["status"], "completed");
    assert_eq!(
        project.read(".protocols/0001-demo/outputs/00-setup.md"),
        "ready\n"
    );

    let build = project.next(protocol, "flow-2").await;
    assert_eq!(
        project.execute(&build).await["result"]["status"],
        "needs_qa"
    );
    let verdict = project.qa(&build).await;
    assert_eq!(verdict["status"], "succeeded", "a verdict is a result");
    assert_eq!(verdict["result"]["verdict"], "failed");
    assert_eq!(verdict["result"]["step_status"], "pending");
    assert_eq!(project.steps(protocol).await, ["pending", "pending"]);

    for holder in ["flow-3", "flow-4"] {
        let step = project.next(protocol, holder).await;
        let executed = project.execute(&step).await;
        if executed["result"]["status"] == "needs_qa" {
            assert_eq!(project.qa(&step).await["result"]["verdict"], "passed");
        }
    }
    assert_eq!(project.status(protocol).await, "completed");
    assert_eq!(project.read(".protocols/0001-demo/build.md"), "good\n");
    assert_eq!(
        project.read(".protocols/0001-demo/aux/build-copy.md"),
        "good\n"
    );
    assert_eq!(
        project.read(".protocols/0001-demo/quality-report.md"),
        "VERDICT: PASS\n"
    );
    assert_eq!(
        project.story(protocol).await,
        [
            "planned",
            "step_started",
            "step_completed",
            "qa_skipped_policy",
            "step_started",
            "step_completed",
            "qa_failed",
            "loop_decision",
            "step_started",
            "step_completed",
            "qa_skipped_policy",
            "step_started",
            "step_completed",
            "qa_passed",
            "protocol_completed",
        ]
    );
    let decision = &project.event(protocol, "loop_decision").await["metadata"];
    assert_eq!(decision["steps_reset"], json!([0, 1]));
    assert_eq!(decision["target_step_index"], 0);
    assert_eq!(decision["iterations"], 1);
    assert_eq!(
        decision["runtime_state"]["loop_counts"],
        json!({"again": 1})
    );
    let completed = &project.event(protocol, "step_completed").await["metadata"];
    assert_eq!(completed["engine_id"], "shell");
    assert!(completed["prompt_versions"]["exec"].as_str().unwrap().len() == 12);
    assert!(completed["spec_hash"].as_str().unwrap().len() == 12);
    let nothing = project.select(protocol, "flow-5").await;
    assert_eq!(nothing["step_run_id"], Value::Null);
    assert_eq!(nothing["status"], "completed");
}

#[tokio::test]
async fn a_loop_ends_at_its_limit_and_blocks_the_protocol() {
    let project = Project::new().await;
    project
        .script("work.sh", "echo x >> runs; echo done")
        .script("check.sh", "echo 'VERDICT: FAIL'");
    let policy = json!({"id": "m", "behavior": "loop", "action": "stepBack", "max_iterations": 2});
    let protocol = project
        .planned(json!([shell_step(
            "01-work",
            "work.sh",
            json!({
                "policies": [policy], "qa": {"policy": "light", "prompt": "check.sh"},
            })
        )]))
        .await;
    for _ in 0..3 {
        let step = project.next(protocol, "flow").await;
        let executed = project.execute(&step).await;
        assert_eq!(executed["status"], "succeeded", "{executed}");
    }
    assert_eq!(project.read("runs").lines().count(), 3);
    assert_eq!(project.status(protocol).await, "blocked");
    assert_eq!(project.steps(protocol).await, ["failed"]);
    let story = project.story(protocol).await;
    assert_eq!(
        story[story.len() - 2..],
        ["qa_failed_inline", "loop_limit_reached"]
    );
}

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
    assert_eq!(
        project.select(protocol, "flow").await["step_run_id"],
        Value::Null
    );

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
async fn an_invalid_spec_is_refused_with_everything_that_is_wrong() {
    let project = Project::new().await;
    let protocol = project
        .protocol(json!([
            {"id": "a", "engine_id": "shell", "qa": {"policy": "skip"}},
            {"id": "b", "engine_id": "shell", "prompt_ref": "x", "qa": {"policy": "some"}},
        ]))
        .await;
    project.start(protocol).await;
    assert_eq!(project.status(protocol).await, "blocked");
    assert_eq!(project.story(protocol).await, ["spec_validation_error"]);
    let view = project
        .api
        .get(&format!("/protocols/{protocol}/spec"))
        .await;
    let view = view.expect(200);
    assert_eq!(view["validation_status"], "invalid");
    assert_eq!(
        view["validation_errors"],
        json!([
            "/steps/0: missing field `prompt_ref`",
            "/steps/1: unknown variant `some`, expected one of `skip`, `light`, `full`",
        ])
    );
}

#[tokio::test]
async fn a_prompt_that_is_missing_or_outside_fails_the_step_and_blocks() {
    for (prompt, reason) in [
        ("missing.sh", "there is no missing.sh"),
        ("../../../../bin/sh", "leads out of the workspace"),
        ("/bin/sh", "leads out of the workspace"),
    ] {
        let project = Project::new().await;
        let protocol = project
            .planned(json!([shell_step("01-work", prompt, json!({}))]))
            .await;
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
    let step = shell_step("01-work", "work.sh", json!({"engine_id": "codex"}));
    let protocol = project.planned(json!([step])).await;
    let step = project.next(protocol, "flow").await;
    let failed = project.execute(&step).await;
    assert_eq!(
        failed["error"]["message"],
        "the engine codex is not known: this version has shell"
    );
    assert_eq!(project.status(protocol).await, "blocked");
}

#[tokio::test]
async fn what_the_state_forbids_is_a_conflict_that_names_the_state() {
    let project = Project::new().await;
    let protocol = project
        .protocol(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    let refused = project.action(protocol, "resume").await.expect(409);
    assert_eq!(
        refused["detail"],
        "the protocol is pending: it cannot be resumed"
    );
    project.action(protocol, "pause").await.expect(200);
    project.action(protocol, "pause").await.expect(200);
    let nothing = project.select(protocol, "flow").await;
    assert_eq!(nothing["status"], "paused");
    assert_eq!(nothing["step_run_id"], Value::Null);
    assert_eq!(
        project.action(protocol, "resume").await.expect(200)["status"],
        "running"
    );
    let refused = project.action(protocol, "start").await.expect(409);
    assert_eq!(refused["detail"], "Protocol already running or terminal");
    project.next(protocol, "flow").await;
    assert_eq!(
        project.action(protocol, "cancel").await.expect(200)["status"],
        "cancelled"
    );
    assert_eq!(
        project.action(protocol, "cancel").await.expect(200)["status"],
        "cancelled"
    );
    assert_eq!(project.steps(protocol).await, ["cancelled"]);
    project.action(protocol, "pause").await.expect(409);
    assert_eq!(
        project.story(protocol).await,
        ["paused", "resumed", "cancelled"]
    );
    for path in [
        "/protocols/99",
        "/protocols/99/events",
        "/steps/99",
        "/executions/x",
    ] {
        project.api.get(path).await.expect(404);
    }
    project.action(99, "start").await.expect(404);
}

#[tokio::test]
async fn names_projects_and_secrets_are_checked_before_anything_is_kept() {
    let project = Project::new().await;
    for name in ["../up", "a/b", ".hidden", "", "a\nb"] {
        let body = json!({"protocol_name": name});
        let path = format!("/projects/{}/protocols", project.id);
        project.api.post(&path, &body).await.expect(422);
    }
    let body = json!({"project_id": 99, "name": "x"});
    let refused = project.api.post("/protocols", &body).await.expect(422);
    assert_eq!(refused["detail"], "project_id: there is no project 99");
    project
        .api
        .post("/projects/99/protocols", &json!({"protocol_name": "x"}))
        .await
        .expect(404);
    let body = json!({"name": "x", "secrets": {"KEY": "hunter2"}});
    let refused = project.api.post("/projects", &body).await;
    assert!(!refused.text.contains("hunter2"));
    refused.expect(422);
    let listed = project.api.get("/projects").await.expect(200);
    assert_eq!(listed.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn steps_that_have_run_survive_a_second_plan() {
    let project = Project::new().await;
    project.script("work.sh", "echo done");
    let protocol = project
        .planned(json!([
            shell_step("a", "work.sh", json!({})),
            shell_step("b", "work.sh", json!({"depends_on": ["a"]})),
        ]))
        .await;
    project.start(protocol).await;
    assert_eq!(project.steps(protocol).await, ["pending", "pending"]);
    let event = &project.events(protocol).await[1];
    assert_eq!(event["metadata"]["steps_created"], 0);
    let step = project.next(protocol, "flow").await;
    project.execute(&step).await;
    assert_eq!(project.steps(protocol).await, ["completed", "pending"]);
}

#[tokio::test]
async fn a_step_by_hand_waits_for_what_it_depends_on() {
    let project = Project::new().await;
    project.script("work.sh", "echo done");
    let protocol = project
        .planned(json!([
            shell_step("a", "work.sh", json!({})),
            shell_step("b", "work.sh", json!({"depends_on": ["a"]})),
        ]))
        .await;
    let first = project.next(protocol, "flow").await;
    let path = format!("/steps/{}/actions/execute", first.step + 1);
    let refused = project.api.post(&path, &json!({})).await.expect(409);
    let expected = format!(
        "step {} waits for step {} (a, pending)",
        first.step + 1,
        first.step
    );
    assert_eq!(refused["detail"], expected);
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
    let log = &listed[0];
    let name = log["name"].as_str().unwrap();
    assert!(
        name.starts_with(&format!("step.{}.execute.", step.step)),
        "{name}"
    );
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
