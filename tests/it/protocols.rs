//! Protocols over the API: made, planned, paused, resumed, cancelled; what is refused and why.
//!
//! Always so: a refusal is known by its status and its sentence.

use serde_json::{Value, json};

use crate::protocol_fixture::{Project, shell_step};

#[tokio::test]
async fn an_invalid_spec_is_refused_with_everything_that_is_wrong() {
    let project = Project::new().await;
    let protocol = project
        .protocol(json!([
            {"id": "a", "engine_id": "shell", "qa": {"policy": "skip"}},
            {"id": "b", "engine_id": "shell", "prompt_ref": "x", "qa": {"policy": "some"}},
            shell_step("c", "/bin/sh", json!({})),
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
            "/steps/0: `prompt_ref` is missing",
            "/steps/1/qa/policy: \"some\" is not known: use one of skip, light, full, null",
            "/steps/2/prompt_ref: \"/bin/sh\" leads out of the workspace",
        ])
    );
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
async fn a_protocols_folder_lies_below_the_projects() {
    let project = Project::new().await;
    let path = format!("/projects/{}/protocols", project.id);
    let own = project.workspace.display().to_string();
    let with = |root: &str| json!({"protocol_name": "x", "protocol_root": root});
    for root in [
        "",
        ".",
        "..",
        "docs/../..",
        "/",
        "/etc",
        ".git",
        "docs/.GIT/hooks",
        "a\u{0}b",
        &own,
        &format!("{own}/."),
        &format!("{own}/../other"),
        &format!("{own}-other/docs"),
    ] {
        let refused = project.api.post(&path, &with(root)).await.expect(422);
        assert_eq!(refused["detail"][0]["loc"][1], "protocol_root", "{root:?}");
    }
    for root in ["docs/plans", &format!("{own}/docs")] {
        let made = project.api.post(&path, &with(root)).await.expect(200);
        assert_eq!(made["protocol_root"], root);
    }
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
    let events = project.events(protocol).await;
    let mut planned = events
        .iter()
        .filter(|event| event["event_type"] == "planned");
    let event = planned.nth(1).unwrap();
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
