//! What people may do to protocols and steps, state by state.
//!
//! Always so: what the state forbids is a 409 that names the state, and changes nothing.

use serde_json::{Value, json};

use crate::protocol_fixture::{Project, checked_by, shell_step};

async fn failed(project: &Project) -> i64 {
    project.script("work.sh", "test -e mended");
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    let step = project.next(protocol, "flow").await;
    assert_eq!(project.execute(&step).await["status"], "failed");
    assert_eq!(project.status(protocol).await, "blocked");
    protocol
}

async fn post(project: &Project, path: &str, status: u16) -> Value {
    project.api.post(path, &json!({})).await.expect(status)
}

#[tokio::test]
async fn a_failed_step_is_retried_and_its_protocol_goes_on() {
    let project = Project::new().await;
    let protocol = failed(&project).await;
    project.script("mended", "");
    let step = post(&project, "/protocols/2/actions/retry_latest", 200).await;
    assert_eq!(
        (&step["status"], &step["retries"]),
        (&json!("pending"), &json!(1))
    );
    assert_eq!(project.status(protocol).await, "running");
    let event = project.event(protocol, "step_retry_enqueued").await;
    assert_eq!(event["metadata"]["retries"], 1);
    assert_eq!(event["metadata"]["job_id"], Value::Null);
    let step = project.next(protocol, "flow-2").await;
    project.execute(&step).await;
    assert_eq!(project.status(protocol).await, "completed");
    post(&project, "/protocols/2/actions/retry_latest", 404).await;
}

#[tokio::test]
async fn an_approved_step_is_done_and_completes_its_protocol() {
    let project = Project::new().await;
    let protocol = failed(&project).await;
    let step = post(&project, "/steps/1/actions/approve", 200).await;
    assert_eq!(step["status"], "completed");
    assert_eq!(project.status(protocol).await, "completed");
    let story = project.story(protocol).await;
    assert_eq!(
        story[story.len() - 2..],
        ["manual_approval", "protocol_completed"]
    );
}

#[tokio::test]
async fn one_approval_leaves_a_protocol_blocked_by_another_step() {
    let project = Project::new().await;
    project.script("work.sh", "exit 1");
    let steps = ["a", "b"].map(|id| shell_step(id, "work.sh", json!({})));
    let protocol = project.planned(json!(steps)).await;
    let (first, second) = (
        project.next(protocol, "one").await,
        project.next(protocol, "two").await,
    );
    project.execute(&first).await;
    project.execute(&second).await;
    post(&project, "/steps/1/actions/approve", 200).await;
    assert_eq!(project.status(protocol).await, "blocked");
    post(&project, "/steps/2/actions/approve", 200).await;
    assert_eq!(project.status(protocol).await, "completed");
}

#[tokio::test]
async fn what_the_state_forbids_is_refused_by_its_name() {
    let project = Project::new().await;
    project.script("work.sh", "echo done");
    let steps = json!([shell_step("01-work", "work.sh", checked_by("work.sh"))]);
    let protocol = project.planned(steps).await;
    for (path, detail) in [
        (
            "/steps/1/actions/retry",
            "step 1 is pending: it cannot be retried",
        ),
        (
            "/steps/1/actions/qa",
            "step 1 is pending: it cannot be checked",
        ),
        (
            "/protocols/2/actions/resume",
            "the protocol is planned: it cannot be resumed",
        ),
    ] {
        assert_eq!(post(&project, path, 409).await["detail"], detail);
    }
    project.action(protocol, "cancel").await.expect(200);
    for (path, detail) in [
        (
            "/steps/1/actions/approve",
            "step 1 is cancelled: it cannot be approved",
        ),
        (
            "/steps/1/actions/retry",
            "step 1 is cancelled: it cannot be retried",
        ),
        (
            "/steps/1/actions/execute",
            "the protocol is cancelled: it cannot run a step",
        ),
        (
            "/protocols/2/actions/pause",
            "the protocol is cancelled: it cannot be paused",
        ),
        (
            "/protocols/2/actions/start",
            "Protocol already running or terminal",
        ),
    ] {
        assert_eq!(post(&project, path, 409).await["detail"], detail);
    }
    assert_eq!(project.steps(protocol).await, ["cancelled"]);
    let story = project.story(protocol).await;
    project.action(protocol, "cancel").await.expect(200);
    assert_eq!(project.story(protocol).await, story);
}

#[tokio::test]
async fn a_step_under_way_is_not_approved() {
    let project = Project::new().await;
    project.script("work.sh", "echo $$ >pid\nsleep 60");
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    let step = project.next(protocol, "flow").await;
    let execution = project.begin(&step, "execute", json!({})).await;
    project.appears("pid").await;
    for action in ["approve", "retry"] {
        let path = format!("/steps/1/actions/{action}");
        let refused = post(&project, &path, 409).await;
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.starts_with("step 1 is running"), "{detail}");
    }
    project.action(protocol, "cancel").await.expect(200);
    assert_eq!(project.ended(&execution).await["status"], "cancelled");
    project.process_ends("pid").await;
    assert_eq!(project.steps(protocol).await, ["cancelled"]);
}
