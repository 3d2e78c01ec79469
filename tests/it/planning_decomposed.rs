//! Plans whose steps are told in detail, through the API: here scripts print both.
//!
//! Always so: the plan has a step that prepares and one that works.

use serde_json::{Value, json};

use crate::planning::planning_ends;
use crate::protocol_command::says;
use crate::protocol_fixture::Project;

const PLAN: &str = r##"cat <<'X'
{"plan_md": "p for `prompts`, prompts/protocol-new.prompt.md, prompts/decompose-step.prompt.md: `make test`", "context_md": "c", "log_md": "l", "step_files": [
 {"filename": "00-setup.md", "content": "# Setup\ns"}, {"filename": "01-build.md", "content": "# Build\nb"}]}
X"##;
const DETAIL: &str = "echo \"$MILLWRIGHT_STEP\"; echo \"- $MILLWRIGHT_STEP_FILE in detail\"";

/// A protocol that has been planned, with steps that are decomposed by a script where there is one.
pub(crate) async fn planned(overrides: Value, detail: Option<&str>) -> (Project, i64) {
    let (project, id) = started(overrides, &[], detail).await;
    planning_ends(&project, id).await;
    (project, id)
}

async fn started(
    mut overrides: Value,
    variables: &[(&str, &str)],
    detail: Option<&str>,
) -> (Project, i64) {
    overrides["default_engine_id"] = "shell".into();
    let more = json!({"policy_overrides": overrides});
    let project = Project::told(&more, variables).await;
    project.script("prompts/protocol-new.prompt.md", PLAN);
    if let Some(detail) = detail {
        project.script("prompts/decompose-step.prompt.md", detail);
    }
    let body = json!({"protocol_name": "0001-demo", "description": "a greeting"});
    let path = format!("/projects/{}/protocols", project.id);
    let made = project.api.post(&path, &body).await.expect(200);
    let id = made["id"].as_i64().unwrap();
    project.action(id, "start").await.expect(200);
    (project, id)
}

const ALL: [&str; 3] = ["decompose_started", "decompose_completed", "planned"];

#[tokio::test]
async fn every_step_is_told_in_detail_before_the_plan_is_written() {
    let detail = format!("test ! -e \"$MILLWRIGHT_PROTOCOL_ROOT/plan.md\"\n{DETAIL}");
    let (project, id) = planned(json!({"decompose": true}), Some(&detail)).await;
    assert_eq!(project.story(id).await, ALL);
    let text = project.read(".protocols/0001-demo/01-build.md");
    assert_eq!(text, "# Build\nb\n- 01-build.md in detail\n");
    let steps = json!(["00-setup.md", "01-build.md"]);
    let started = project.event(id, "decompose_started").await;
    assert_eq!(started["metadata"]["steps"], steps);
    assert_eq!(started["metadata"]["model"], Value::Null);
    let completed = project.event(id, "decompose_completed").await["metadata"].clone();
    assert_eq!(completed["steps_decomposed"], steps);
    assert_eq!(completed["steps_skipped"], json!([]));
    let planned = project.event(id, "planned").await["metadata"].clone();
    let models = json!({"planning": null, "decompose": null});
    assert_eq!(planned["models"], models);
    for purpose in ["planning", "decompose"] {
        let version = planned["prompt_versions"][purpose].as_str().unwrap();
        assert_eq!(version.len(), 12, "{planned}");
    }
    let tokens = |of: &Value| of["estimated_tokens"].as_u64().unwrap();
    assert!(tokens(&planned) > tokens(&completed) && tokens(&completed) > 0);
    let told = says(&project, &format!("events {id}")).await;
    assert!(told.contains("2 steps were decomposed"), "{told}");
}

#[tokio::test]
async fn a_variable_asks_for_it_and_another_leaves_simple_steps() {
    let variables = [
        ("PROTOCOL_DECOMPOSE_MODEL", "any"),
        ("PROTOCOL_SKIP_SIMPLE_DECOMPOSE", "true"),
    ];
    let (project, id) = started(json!({}), &variables, Some("exit 1")).await;
    planning_ends(&project, id).await;
    assert_eq!(project.story(id).await, ALL);
    let completed = project.event(id, "decompose_completed").await["metadata"].clone();
    assert_eq!(completed["steps_decomposed"], json!([]));
    let simple = |step: &str| json!({"step": step, "reason": "simple"});
    let skipped = json!([simple("00-setup.md"), simple("01-build.md")]);
    assert_eq!(completed["steps_skipped"], skipped);
    let (project, id) = started(json!({"decompose": false}), &variables, None).await;
    planning_ends(&project, id).await;
    assert_eq!(project.story(id).await, ["planned"]);
}

#[tokio::test]
async fn a_step_that_cannot_be_told_in_detail_stays_as_it_was_planned() {
    for (detail, says) in [
        (Some("echo broken >&2; exit 3"), "broken"),
        (Some("echo '# Other\n\ntext'"), "its heading stays as it is"),
        (None, "decompose-step.prompt.md cannot be read"),
    ] {
        let (project, id) = planned(json!({"decompose": true}), detail).await;
        assert_eq!(project.story(id).await, ALL);
        assert_eq!(
            project.read(".protocols/0001-demo/01-build.md"),
            "# Build\nb"
        );
        let completed = project.event(id, "decompose_completed").await;
        let skipped = &completed["metadata"]["steps_skipped"][1];
        assert_eq!(skipped["step"], "01-build.md", "{completed}");
        let reason = skipped["reason"].as_str().unwrap();
        assert!(reason.contains(says), "{reason}");
    }
}

#[tokio::test]
async fn a_pause_stops_it_and_it_begins_again_with_the_plan() {
    let works = "sleep 600 & echo $! > engine; wait";
    let (project, id) = started(json!({"decompose": true}), &[], Some(works)).await;
    project.appears("engine").await;
    assert_eq!(project.story(id).await, ["decompose_started"]);
    project.action(id, "pause").await.expect(200);
    project.process_ends("engine").await;
    assert!(!project.workspace.join(".protocols/0001-demo").exists());
    std::fs::remove_file(project.workspace.join("engine")).unwrap();
    project.script("prompts/decompose-step.prompt.md", DETAIL);
    project.action(id, "resume").await.expect(200);
    planning_ends(&project, id).await;
    let story = project.story(id).await;
    assert_eq!(story[..3], ["decompose_started", "paused", "resumed"]);
    assert_eq!(story[3..], ALL);
}
