//! Planning by an engine, through the API: here a script that prints a plan.

use serde_json::{Value, json};

use crate::protocol_fixture::Project;
use crate::wait::until;

const PLAN: &str = r#"cat <<'X'
{"plan_md": "p for `prompts`, prompts/protocol-new.prompt.md: `make test`", "context_md": "c", "log_md": "l", "step_files": [
 {"filename": "00-setup.md", "content": "s"}, {"filename": "01-build.md", "content": "b"}]}
X"#;

async fn planned_by(script: &str, description: Option<&str>) -> (Project, i64) {
    let more = json!({"policy_overrides": {"default_engine_id": "shell"}});
    let project = Project::with(&more).await;
    std::fs::create_dir(project.workspace.join("prompts")).unwrap();
    project.script("prompts/protocol-new.prompt.md", script);
    let body = json!({"protocol_name": "0001-demo", "description": description});
    let path = format!("/projects/{}/protocols", project.id);
    let made = project.api.post(&path, &body).await.expect(200);
    let id = made["id"].as_i64().unwrap();
    project.action(id, "start").await.expect(200);
    until("planning is over", async || {
        (project.status(id).await != "planning").then_some(())
    })
    .await;
    (project, id)
}

#[tokio::test]
async fn a_protocol_without_a_spec_is_planned_by_an_engine() {
    let (project, id) = planned_by(PLAN, Some("a greeting")).await;
    assert_eq!(project.status(id).await, "planned");
    let event = project.event(id, "planned").await;
    let about = &event["metadata"];
    assert_eq!(about["steps_created"], 2, "{event}");
    assert_eq!(about["models"], json!({"planning": null}));
    assert_eq!(
        about["prompt_versions"]["planning"].as_str().unwrap().len(),
        12
    );
    assert!(about["estimated_tokens"].as_u64().unwrap() > 0);
    let spec = project
        .api
        .get(&format!("/protocols/{id}/spec"))
        .await
        .expect(200);
    assert_eq!(spec["validation_status"], "valid", "{spec}");
    assert_eq!(spec["spec"]["steps"][1]["depends_on"], json!(["00-setup"]));
    assert_eq!(project.read(".protocols/0001-demo/01-build.md"), "b");
}

#[tokio::test]
async fn what_is_no_plan_blocks_the_protocol_with_the_reason() {
    for (script, description, kind, engine) in [
        ("echo nothing", Some("x"), "InvalidPlan", json!("shell")),
        (
            "echo broken >&2; exit 3",
            Some("x"),
            "EngineFailed",
            json!("shell"),
        ),
        (PLAN, None, "SpecMissing", Value::Null),
    ] {
        let (project, id) = planned_by(script, description).await;
        assert_eq!(project.status(id).await, "blocked");
        let event = project.event(id, "planning_failed").await;
        assert_eq!(event["metadata"]["error_type"], kind, "{event}");
        assert_eq!(event["metadata"]["engine_id"], engine);
    }
}
