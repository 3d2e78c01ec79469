//! Policies that are not kept any more while work is under way, or that nobody is to be held to now.
//!
//! Always so: what has begun ends as it would have, and what nobody works on stays as it is.

use std::fs;

use serde_json::{Value, json};

use crate::git_fixture::commit_all;
use crate::policy::{findings, markdown, mend, policy, told, write};
use crate::protocol_fixture::{Claimed, Project, shell_step};
use crate::triggers::triggered;
use crate::wait::until;

/// A protocol whose step is under way, and whose project does not keep its policy any more since then.
async fn under_way() -> (Project, i64, Claimed, String) {
    let project = Project::with(&policy(&json!({"mode": "block"}))).await;
    mend(&project);
    project.script("work.sh", "until [ -f ../go ]; do sleep 0.02; done");
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    let step = project.next(protocol, "flow").await;
    let execution = project.begin(&step, "execute", json!({})).await;
    fs::remove_file(project.workspace.join("ci/test.sh")).unwrap();
    (project, protocol, step, execution)
}

#[tokio::test]
async fn work_that_has_begun_is_not_held_back() {
    let (project, _, step, execution) = under_way().await;
    assert_eq!(project.begin(&step, "execute", json!({})).await, execution);
    fs::write(project.workspace.join("../go"), "").unwrap();
    assert_eq!(project.ended(&execution).await["status"], "succeeded");
    assert_eq!(project.begin(&step, "execute", json!({})).await, execution);
}

#[tokio::test]
async fn whoever_lets_a_blocked_protocol_go_on_stops_no_work_that_has_begun() {
    let (project, protocol, step, execution) = under_way().await;
    let none = project.select(protocol, "other").await;
    assert_eq!(none["status"], "blocked");
    for action in ["resume", "start"] {
        project.action(protocol, action).await.expect(409);
    }
    let path = format!("/steps/{}/claim/renew", step.step);
    let body = json!({"claim": step.claim});
    project.api.post(&path, &body).await.expect(200);
    fs::write(project.workspace.join("../go"), "").unwrap();
    assert_eq!(project.ended(&execution).await["status"], "succeeded");
    assert_eq!(project.steps(protocol).await, ["completed"]);
}

#[tokio::test]
async fn whoever_asks_for_a_check_stops_none_that_is_under_way() {
    let project = Project::with(&policy(&json!({"mode": "block"}))).await;
    mend(&project);
    let check = "echo begun > begun; until [ -f ../go ]; do sleep 0.02; done; echo VERDICT: PASS";
    project
        .script("work.sh", "echo worked")
        .script("check.sh", check);
    let light = json!({"qa": {"policy": "light", "prompt": "check.sh"}});
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", light)]))
        .await;
    let step = project.next(protocol, "flow").await;
    let execution = project.begin(&step, "execute", json!({})).await;
    project.appears("begun").await;
    assert_eq!(project.steps(protocol).await, ["needs_qa"]);
    fs::remove_file(project.workspace.join("ci/test.sh")).unwrap();
    let path = format!("/steps/{}/actions/qa", step.step);
    let refused = project.api.post(&path, &json!({})).await.expect(409);
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("is claimed by another"), "{detail}");
    fs::write(project.workspace.join("../go"), "").unwrap();
    let ended = project.ended(&execution).await;
    assert_eq!(ended["status"], "succeeded", "{ended}");
    assert_eq!(project.steps(protocol).await, ["completed"]);
}

#[tokio::test]
async fn a_trigger_is_told_when_the_policy_takes_its_step_from_who_claimed_it() {
    let project = Project::with(&policy(&json!({"mode": "block"}))).await;
    mend(&project);
    let protocol = triggered(&project, "work.sh").await;
    let step = project.next(protocol, "flow").await;
    fs::remove_file(project.workspace.join("ci/test.sh")).unwrap();
    let path = format!("/steps/{}/actions/execute", step.step);
    let body = json!({"claim": step.claim});
    project.api.post(&path, &body).await.expect(409);
    let failed = told(&project, protocol, "trigger_enqueue_failed").await;
    assert_eq!(failed.len(), 1);
    project.script("ci/test.sh", "true");
    project.action(protocol, "resume").await.expect(200);
    let again = project.next(protocol, "flow").await;
    assert_eq!(again.step, step.step);
    assert_eq!(told(&project, protocol, "trigger_enqueued").await.len(), 2);
}

#[tokio::test]
async fn a_protocol_that_nobody_works_on_is_left_as_it_is() {
    let overrides = policy(&json!({"mode": "block"}));
    let project = Project::with(&overrides).await;
    write(&project, "01-a.md", "# A\n");
    let pending = project.protocol(json!([markdown("01-a")])).await;
    let none = project.select(pending, "flow").await;
    assert_eq!(none["step_run_id"], Value::Null);
    assert_eq!(none["status"], "pending");
    assert!(told(&project, pending, "policy_findings").await.is_empty());

    mend(&project);
    project.start(pending).await;
    project.action(pending, "pause").await.expect(200);
    fs::remove_file(project.workspace.join("ci/test.sh")).unwrap();
    let none = project.select(pending, "flow").await;
    assert_eq!(none["status"], "paused");
    let path = "/steps/1/actions/execute";
    project.api.post(path, &json!({})).await.expect(409);
    assert_eq!(project.status(pending).await, "paused");
    let resumed = project.action(pending, "resume").await.expect(200);
    assert_eq!(resumed["status"], "running");
    assert_eq!(project.select(pending, "flow").await["status"], "blocked");
}

#[tokio::test]
async fn a_look_does_not_end_a_planning_nor_block_a_setup() {
    let mut more = policy(&json!({"mode": "block"}));
    more["policy_overrides"]["default_engine_id"] = "shell".into();
    let project = Project::with(&more).await;
    let script = "echo begun > ../begun; until [ -f ../go ]; do sleep 0.02; done; exit 1";
    project.script("prompts/protocol-new.prompt.md", script);
    commit_all(&project.workspace);
    let body = json!({"protocol_name": "0001-demo", "description": "a greeting"});
    let path = format!("/projects/{}/protocols", project.id);
    let made = project.api.post(&path, &body).await.expect(200);
    let protocol = made["id"].as_i64().unwrap();
    project.action(protocol, "start").await.expect(200);
    project.appears("../work.worktrees/begun").await;
    let none = project.select(protocol, "flow").await;
    fs::write(project.workspace.join("../work.worktrees/go"), "").unwrap();
    assert_eq!(none["status"], "planning");
    until("the planning has ended", async || {
        (project.status(protocol).await != "planning").then_some(())
    })
    .await;
    assert_eq!(told(&project, protocol, "planning_failed").await.len(), 1);
    assert!(told(&project, protocol, "policy_blocked").await.is_empty());

    let protocols = project.api.get(&path).await.expect(200);
    let mut protocols = protocols.as_array().unwrap().iter();
    let name = format!("setup-{}", project.id);
    let setup = protocols.find(|one| one["protocol_name"] == *name).unwrap();
    let setup = setup["id"].as_i64().unwrap();
    let before = project.status(setup).await;
    assert_eq!(project.select(setup, "flow").await["status"], *before);
    assert!(told(&project, setup, "policy_findings").await.is_empty());
    assert_eq!(findings(&project, setup).await["findings"], json!([]));
}
