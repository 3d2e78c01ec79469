//! `POST /protocols/{id}/spec`: a spec from outside, and the steps that follow from it.
//!
//! Always so: what has run is still there afterwards, and the same spec again changes nothing.

use serde_json::{Value, json};

use crate::api_fixture::Answer;
use crate::protocol_fixture::{Project, shell_step};

async fn import(project: &Project, protocol: i64, steps: &Value) -> Answer {
    let path = format!("/protocols/{protocol}/spec");
    let body = json!({"spec": {"steps": steps}, "source": "test"});
    project.api.post(&path, &body).await
}

async fn bare(project: &Project) -> i64 {
    let path = format!("/projects/{}/protocols", project.id);
    let made = project
        .api
        .post(&path, &json!({"protocol_name": "0002-bare"}))
        .await;
    made.expect(200)["id"].as_i64().unwrap()
}

fn counts(added: u8, changed: u8, removed: u8, kept: u8) -> Value {
    json!({"added": added, "changed": changed, "removed": removed, "kept": kept})
}

async fn names(project: &Project, protocol: i64) -> Vec<(String, String)> {
    let steps = project
        .api
        .get(&format!("/protocols/{protocol}/steps"))
        .await
        .expect(200);
    let text = |step: &Value, key: &str| step[key].as_str().unwrap().to_owned();
    let steps = steps.as_array().unwrap().iter();
    steps
        .map(|step| (text(step, "step_name"), text(step, "status")))
        .collect()
}

#[tokio::test]
async fn a_spec_plans_a_protocol_and_the_same_again_changes_nothing() {
    let project = Project::new().await;
    project.script("a.sh", "true").script("b.sh", "true");
    let protocol = bare(&project).await;
    let steps = json!([
        shell_step("a", "a.sh", json!({})),
        shell_step("b", "b.sh", json!({"depends_on": ["a"]})),
    ]);
    let answer = import(&project, protocol, &steps).await.expect(200);
    assert_eq!(answer["status"], "valid");
    assert_eq!(answer["errors"], json!([]));
    assert_eq!(answer["steps"], counts(2, 0, 0, 0));
    assert_eq!(project.status(protocol).await, "planned");
    let event = project.event(protocol, "planned").await;
    assert_eq!(event["metadata"]["source"], "test");
    assert_eq!(event["metadata"]["spec_hash"], answer["spec_hash"]);
    let view = project
        .api
        .get(&format!("/protocols/{protocol}/spec"))
        .await
        .expect(200);
    assert_eq!(view["spec"]["steps"], steps);
    assert_eq!(view["spec_hash"], answer["spec_hash"]);
    assert_eq!(view["validation_status"], "valid");

    let again = import(&project, protocol, &steps).await.expect(200);
    assert_eq!(again["steps"], counts(0, 0, 0, 2));
    assert_eq!(project.story(protocol).await, ["planned"]);
    let same = project
        .api
        .get(&format!("/protocols/{protocol}/spec"))
        .await
        .expect(200);
    assert_eq!(same, view);
}

#[tokio::test]
async fn what_has_run_is_never_lost() {
    let project = Project::new().await;
    project
        .script("work.sh", "echo done")
        .script("fail.sh", "exit 3");
    let protocol = bare(&project).await;
    let first = json!([
        shell_step("a", "work.sh", json!({})),
        shell_step("b", "fail.sh", json!({})),
        shell_step("c", "work.sh", json!({})),
        shell_step("d", "work.sh", json!({})),
    ]);
    import(&project, protocol, &first).await.expect(200);
    let a = project.next(protocol, "flow").await;
    project.execute(&a).await;
    let b = project.next(protocol, "flow").await;
    project.execute(&b).await;
    assert_eq!(project.status(protocol).await, "blocked");

    let second = json!([
        shell_step("e", "work.sh", json!({})),
        shell_step("a", "fail.sh", json!({"depends_on": ["e"]})),
        shell_step("d", "work.sh", json!({"depends_on": ["a"]})),
    ]);
    let answer = import(&project, protocol, &second).await.expect(200);
    assert_eq!(answer["steps"], counts(1, 2, 2, 0));
    let said: Vec<(String, String)> = names(&project, protocol).await;
    let said: Vec<(&str, &str)> = said
        .iter()
        .map(|(name, status)| (&**name, &**status))
        .collect();
    assert_eq!(
        said,
        [
            ("e", "pending"),
            ("a", "completed"),
            ("b", "cancelled"),
            ("d", "pending")
        ]
    );
    assert_eq!(project.status(protocol).await, "blocked");
    let done = project
        .api
        .get(&format!("/steps/{}", a.step))
        .await
        .expect(200);
    assert!(!done["summary"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn an_invalid_spec_blocks_until_a_better_one_comes() {
    let project = Project::new().await;
    project.script("a.sh", "true");
    let protocol = bare(&project).await;
    let bad = json!([shell_step(
        "a",
        "a.sh",
        json!({"engine_id": "nobody", "qa": {}})
    )]);
    let answer = import(&project, protocol, &bad).await.expect(422);
    assert_eq!(answer["status"], "invalid");
    assert_eq!(
        answer["errors"],
        json!([{"pointer": "/steps/0/qa", "message": "`policy` is missing"}])
    );
    assert_eq!(project.status(protocol).await, "blocked");
    assert_eq!(project.story(protocol).await, ["spec_validation_error"]);
    let view = project
        .api
        .get(&format!("/protocols/{protocol}/spec"))
        .await
        .expect(200);
    assert_eq!(view["validation_status"], "invalid");
    assert_eq!(
        view["validation_errors"],
        json!(["/steps/0/qa: `policy` is missing"])
    );

    let good = json!([shell_step("a", "a.sh", json!({}))]);
    import(&project, protocol, &good).await.expect(200);
    assert_eq!(project.status(protocol).await, "planned");

    let unknown = json!([shell_step("a", "a.sh", json!({"engine_id": "nobody"}))]);
    let refused = import(&project, protocol, &unknown).await.expect(422);
    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.contains("/steps/0/engine_id: the engine \"nobody\" is not known"),
        "{detail}"
    );
    assert_eq!(project.status(protocol).await, "planned");
    let view = project
        .api
        .get(&format!("/protocols/{protocol}/spec"))
        .await
        .expect(200);
    assert_eq!(view["spec"]["steps"], good);
    assert_eq!(view["validation_status"], "valid");
}

#[tokio::test]
async fn dropping_the_last_open_step_completes_and_an_ended_protocol_takes_no_spec() {
    let project = Project::new().await;
    project
        .script("work.sh", "echo done")
        .script("long.sh", "touch begun; echo > here; sleep 600");
    let protocol = bare(&project).await;
    let both = json!([
        shell_step("a", "work.sh", json!({})),
        shell_step("b", "long.sh", json!({})),
    ]);
    import(&project, protocol, &both).await.expect(200);
    let a = project.next(protocol, "flow").await;
    project.execute(&a).await;
    let b = project.next(protocol, "flow").await;
    let execution = project.begin(&b, "execute", json!({})).await;
    project.appears("here").await;
    let one = json!([shell_step("a", "work.sh", json!({}))]);
    let answer = import(&project, protocol, &one).await.expect(200);
    assert_eq!(answer["steps"], counts(0, 0, 1, 1));
    assert_eq!(project.ended(&execution).await["status"], "cancelled");
    assert_eq!(project.status(protocol).await, "completed");
    let refused = import(&project, protocol, &both).await.expect(409);
    assert_eq!(
        refused["detail"],
        "the protocol is completed: it cannot take a spec"
    );
    import(&project, 99, &both).await.expect(404);
}

#[tokio::test]
async fn paths_stay_in_the_workspace_unless_the_project_allows_it() {
    let project = Project::new().await;
    let steps = json!([shell_step("a", "/etc/passwd", json!({}))]);
    let protocol = bare(&project).await;
    let refused = import(&project, protocol, &steps).await.expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/steps/0/prompt_ref");
    let open = Project::with(&json!({"policy_overrides": {"allow_outside_paths": true}})).await;
    let protocol = bare(&open).await;
    import(&open, protocol, &steps).await.expect(200);
}
