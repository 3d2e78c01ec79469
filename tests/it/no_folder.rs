//! Projects whose folder is not there: for a plan, for a step, for its check.
//!
//! Always so: the failure keeps its own event, and no event says a password.

use std::fs;

use serde_json::{Value, json};

use crate::protocol_fixture::{Project, checked_by, shell_step};
use crate::worker;

const URL: &str = "http://me:hush@127.0.0.1:1/demo.git";
const SHOWN: &str = "http://127.0.0.1:1/demo.git";

async fn project() -> Project {
    let more = json!({"git_url": URL, "policy_overrides": {"default_engine_id": "shell"}});
    let project = Project::with(&more).await;
    project.script("work.sh", "echo worked");
    project
}

async fn with_step(project: &Project) -> i64 {
    let step = shell_step("01-work", "work.sh", checked_by("work.sh"));
    project.planned(json!([step])).await
}

/// A protocol that is to be planned from these words.
async fn asked(project: &Project, id: i64) -> i64 {
    let path = format!("/projects/{id}/protocols");
    let body = json!({"protocol_name": "0002-asked", "description": "a greeting"});
    let made = project.api.post(&path, &body).await.expect(200);
    let protocol = made["id"].as_i64().unwrap();
    project.start(protocol).await;
    assert_eq!(project.status(protocol).await, "blocked");
    protocol
}

/// A step, its check, and a plan, each of which finds no folder.
pub(crate) async fn of_every_kind() -> Project {
    let project = project().await;
    let protocol = with_step(&project).await;
    let step = project.next(protocol, "flow").await;
    project.execute(&step).await;
    fs::remove_dir_all(&project.workspace).unwrap();
    project.qa(&step).await;
    asked(&project, project.id).await;
    project
}

#[tokio::test]
async fn a_check_without_a_folder_is_blocked_by_that() {
    let project = of_every_kind().await;
    let (protocol, planned) = (2, 3);
    let blocked = project.event(protocol, "qa_blocked_repo").await;
    assert_eq!(blocked["metadata"]["git_url"], SHOWN);
    assert_eq!(blocked["step_run_id"], 1);
    let error = project.event(protocol, "qa_error").await;
    assert_eq!(error["metadata"]["error_type"], "NoWorkspace");
    assert_eq!(project.steps(protocol).await, ["failed"]);

    let missing = project.event(planned, "repo_missing").await;
    let about = json!({"git_url": SHOWN, "resolved_path": project.workspace});
    assert_eq!(missing["metadata"], about);
    assert_eq!(
        project.story(planned).await,
        ["planning_failed", "repo_missing"]
    );
    let all = serde_json::to_string(&project.events(planned).await).unwrap();
    assert!(!all.contains("hush"), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_without_a_folder_fails_in_the_server_and_on_a_worker() {
    let project = project().await;
    let protocol = with_step(&project).await;
    let step = project.next(protocol, "flow").await;
    fs::remove_dir_all(&project.workspace).unwrap();
    let ended = project.execute(&step).await;
    assert_eq!(ended["error"]["name"], "NoWorkspace", "{ended}");
    let story = ["planned", "step_execution_failed", "repo_missing"];
    assert_eq!(project.story(protocol).await, story);

    let path = format!("/steps/{}/actions/retry", step.step);
    project.api.post(&path, &json!({})).await.expect(200);
    let args = json!({"step_run_id": step.step});
    let error = worker::run(&project, "execute_step", &args).await;
    let error = error.unwrap_err();
    for told in ["is not there", "cannot be cloned", SHOWN, "and the network"] {
        assert!(error.contains(told), "{told} in {error}");
    }
    assert!(!error.contains("hush"), "{error}");
    let told = project.events(protocol).await;
    let told = told
        .iter()
        .filter(|event| event["event_type"] == "repo_missing");
    assert_eq!(told.clone().count(), 2);
    for event in told {
        assert_eq!(event["metadata"]["git_url"], SHOWN);
        assert_eq!(event["metadata"]["resolved_path"], json!(project.workspace));
        assert_eq!(event["step_run_id"], step.step);
    }
}

#[tokio::test]
async fn a_project_that_names_no_folder_cannot_be_planned_in() {
    let project = project().await;
    let new = json!({"name": "nowhere"});
    let made = project.api.post("/projects", &new).await.expect(200);
    let id = made["id"].as_i64().unwrap();
    let protocol = asked(&project, id).await;
    let missing = project.event(protocol, "repo_missing").await;
    assert_eq!(missing["metadata"], json!({"git_url": Value::Null}));
    let failed = project.event(protocol, "planning_failed").await;
    assert_eq!(failed["metadata"]["error_type"], "NoWorkspace");
}
