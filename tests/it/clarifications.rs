//! Questions to people: what waits for them, and what their answers let go.
//!
//! Always so: a question that does not block holds nothing back.

use serde_json::{Value, json};

use crate::protocol_fixture::{Project, checked_by, shell_step};
use crate::wait::until;

pub(crate) async fn asked(project: &Project, question: Value) -> i64 {
    let mut body = json!({"key": "db", "question": "Which database?", "blocking": true});
    for (key, value) in question.as_object().unwrap() {
        body[key] = value.clone();
    }
    let asked = project.api.post("/clarifications", &body).await.expect(200);
    assert_eq!(asked["status"], "open");
    asked["id"].as_i64().unwrap()
}

pub(crate) async fn answer(project: &Project, id: i64) {
    let path = format!("/clarifications/{id}/answer");
    let body = json!({"answer": "SQLite", "answered_by": "ada"});
    let answered = project.api.post(&path, &body).await.expect(200);
    assert_eq!(answered["status"], "answered");
    assert_eq!(answered["answer"], "SQLite");
}

fn one_step() -> Value {
    json!([shell_step("01-work", "work.sh", json!({}))])
}

#[tokio::test]
async fn planning_waits_for_an_answer_and_goes_on_with_it() {
    let project = Project::new().await;
    project.script("work.sh", "echo done");
    let about = json!({"project_id": project.id, "applies_to": "planning"});
    let question = asked(&project, about).await;
    let protocol = project.protocol(one_step()).await;
    project.start(protocol).await;
    assert_eq!(project.status(protocol).await, "blocked");
    let event = project
        .event(protocol, "planning_blocked_clarifications")
        .await;
    let metadata = &event["metadata"];
    assert_eq!(metadata["project_id"], project.id);
    assert_eq!(metadata["protocol_run_id"], protocol);
    assert_eq!(metadata["blocking"][0]["key"], "db");
    assert_eq!(metadata["truncated"], false);
    answer(&project, question).await;
    until("the protocol is planned", async || {
        (project.status(protocol).await == "planned").then_some(())
    })
    .await;
    assert_eq!(project.steps(protocol).await, ["pending"]);
}

#[tokio::test]
async fn a_step_that_waits_blocks_its_protocol_until_the_last_answer() {
    let project = Project::new().await;
    project.script("work.sh", "echo done");
    let protocol = project.planned(one_step()).await;
    let first = asked(&project, json!({"protocol_run_id": protocol})).await;
    let about_step = json!({"step_run_id": 1, "applies_to": "execution"});
    let second = asked(&project, about_step).await;
    let none = project.select(protocol, "flow").await;
    assert_eq!(none["step_run_id"], Value::Null);
    assert_eq!(none["status"], "blocked");
    assert_eq!(project.steps(protocol).await, ["blocked"]);
    let refused = project
        .api
        .post("/steps/1/actions/execute", &json!({}))
        .await;
    let detail = refused.expect(409)["detail"].clone();
    assert!(
        detail.as_str().unwrap().contains("question 1 (db)"),
        "{detail}"
    );
    answer(&project, first).await;
    assert_eq!(project.status(protocol).await, "blocked");
    answer(&project, second).await;
    assert_eq!(project.status(protocol).await, "running");
    let step = project.next(protocol, "flow").await;
    project.execute(&step).await;
    assert_eq!(project.status(protocol).await, "completed");
    let story = project.story(protocol).await;
    let blocked = story
        .iter()
        .filter(|name| *name == "step_blocked_clarifications");
    assert_eq!(blocked.count(), 1);
    let answered = story
        .iter()
        .filter(|name| *name == "clarification_answered");
    assert_eq!(answered.count(), 2);
}

#[tokio::test]
async fn work_that_was_claimed_before_the_question_is_refused_and_blocked() {
    let project = Project::new().await;
    project.script("work.sh", "echo done");
    let protocol = project.planned(one_step()).await;
    let step = project.next(protocol, "flow").await;
    let question = asked(&project, json!({"protocol_run_id": protocol})).await;
    let path = format!("/steps/{}/actions/begin", step.step);
    let body = json!({"claim": step.claim, "kind": "execute"});
    project.api.post(&path, &body).await.expect(409);
    assert_eq!(project.steps(protocol).await, ["blocked"]);
    assert_eq!(project.status(protocol).await, "blocked");
    answer(&project, question).await;
    let again = project.next(protocol, "flow").await;
    assert_ne!(again.claim, step.claim);
    project.execute(&again).await;
}

#[tokio::test]
async fn a_check_that_waits_blocks_its_step_alone() {
    let project = Project::new().await;
    project.script("work.sh", "echo done");
    project.script("check.sh", "echo VERDICT: PASS");
    let protocol = project
        .planned(json!([
            shell_step("a", "work.sh", checked_by("check.sh")),
            shell_step("b", "work.sh", json!({})),
        ]))
        .await;
    let about = json!({"protocol_run_id": protocol, "applies_to": "qa"});
    let question = asked(&project, about).await;
    let step = project.next(protocol, "flow").await;
    project.execute(&step).await;
    let path = format!("/steps/{}/actions/qa", step.step);
    project
        .api
        .post(&path, &json!({"claim": step.claim}))
        .await
        .expect(409);
    assert_eq!(project.steps(protocol).await, ["blocked", "pending"]);
    assert_eq!(project.status(protocol).await, "running");
    let event = project.event(protocol, "qa_blocked_clarifications").await;
    assert_eq!(event["metadata"]["step_run_id"], step.step);
    let other = project.next(protocol, "flow").await;
    project.execute(&other).await;
    answer(&project, question).await;
    assert_eq!(project.steps(protocol).await, ["needs_qa", "completed"]);
    let step = project.next(protocol, "flow").await;
    assert_eq!(project.qa(&step).await["result"]["verdict"], "passed");
    assert_eq!(project.status(protocol).await, "completed");
}

#[tokio::test]
async fn a_check_right_after_its_step_waits_like_one_of_its_own() {
    let project = Project::new().await;
    project
        .script("work.sh", "echo done")
        .script("check.sh", "echo VERDICT: PASS");
    let light = json!({"qa": {"policy": "light", "prompt": "check.sh"}});
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", light)]))
        .await;
    let about = json!({"protocol_run_id": protocol, "applies_to": "qa"});
    let question = asked(&project, about).await;
    let step = project.next(protocol, "flow").await;
    let ended = project.execute(&step).await;
    assert_eq!(ended["status"], "succeeded");
    assert_eq!(ended["result"]["status"], "blocked");
    assert_eq!(project.status(protocol).await, "running");
    let event = project.event(protocol, "qa_blocked_clarifications").await;
    assert_eq!(event["step_run_id"], step.step);
    answer(&project, question).await;
    assert_eq!(project.steps(protocol).await, ["needs_qa"]);
    let step = project.next(protocol, "flow").await;
    let ended = project.qa(&step).await;
    assert_eq!(ended["result"]["verdict"], "passed");
    assert_eq!(project.status(protocol).await, "completed");
}

#[tokio::test]
async fn a_spec_that_comes_while_planning_waits_is_kept_and_planned_by_later() {
    let project = Project::new().await;
    project.script("work.sh", "echo done");
    let about = json!({"project_id": project.id, "applies_to": "planning"});
    let question = asked(&project, about).await;
    let protocol = project.protocol(json!([])).await;
    let path = format!("/protocols/{protocol}/spec");
    let steps = json!([
        shell_step("01-work", "work.sh", json!({})),
        shell_step("02-more", "work.sh", json!({})),
    ]);
    let body = json!({"spec": {"steps": steps}, "source": "test"});
    let held = project.api.post(&path, &body).await.expect(200);
    assert_eq!(held["status"], "valid");
    assert!(
        held["detail"].as_str().unwrap().contains("are answered"),
        "{held}"
    );
    assert_eq!(project.status(protocol).await, "blocked");
    assert_eq!(project.steps(protocol).await, [""; 0]);
    project.api.post(&path, &body).await.expect(200);
    let story = project.story(protocol).await;
    assert_eq!(story, ["planning_blocked_clarifications"], "once");
    answer(&project, question).await;
    until("the protocol is planned", async || {
        (project.status(protocol).await == "planned").then_some(())
    })
    .await;
    assert_eq!(project.steps(protocol).await, ["pending", "pending"]);

    let step = project.next(protocol, "flow").await;
    project.execute(&step).await;
    asked(
        &project,
        json!({"protocol_run_id": protocol, "applies_to": "planning", "key": "new"}),
    )
    .await;
    let late = json!({"spec": {"steps": one_step()}});
    let refused = project.api.post(&path, &late).await.expect(409);
    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.contains("planning waits for answers to question 2 (new)"),
        "{detail}"
    );
    assert_eq!(project.steps(protocol).await, ["completed", "pending"]);
}

#[tokio::test]
async fn a_question_has_one_answer() {
    let project = Project::new().await;
    let scope = json!({"project_id": project.id, "options": ["SQLite", "PostgreSQL"]});
    let question = asked(&project, scope.clone()).await;
    assert_eq!(asked(&project, scope).await, question);
    answer(&project, question).await;
    answer(&project, question).await;
    let path = format!("/clarifications/{question}/answer");
    project
        .api
        .post(&path, &json!({"answer": "other"}))
        .await
        .expect(409);
    let again = json!({"project_id": project.id, "key": "db", "question": "Again?"});
    let kept = project
        .api
        .post("/clarifications", &again)
        .await
        .expect(200);
    assert_eq!(kept["question"], "Which database?");
    assert_eq!(kept["answered_by"], "ada");
    let open = project
        .api
        .get("/clarifications?status=open")
        .await
        .expect(200);
    assert_eq!(open, json!([]));
    let all = project
        .api
        .get("/clarifications?project_id=1&blocking=true")
        .await
        .expect(200);
    assert_eq!(all.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_does_not_block_holds_nothing_back() {
    let project = Project::new().await;
    project.script("work.sh", "echo done");
    let protocol = project.planned(one_step()).await;
    asked(
        &project,
        json!({"protocol_run_id": protocol, "blocking": false}),
    )
    .await;
    let step = project.next(protocol, "flow").await;
    assert_eq!(project.execute(&step).await["status"], "succeeded");
}

#[tokio::test]
async fn a_question_that_blocks_no_more_lets_go() {
    let project = Project::new().await;
    project.script("work.sh", "echo done");
    asked(&project, json!({"project_id": project.id})).await;
    let protocol = project.protocol(one_step()).await;
    project.start(protocol).await;
    assert_eq!(project.status(protocol).await, "blocked");
    asked(
        &project,
        json!({"project_id": project.id, "blocking": false}),
    )
    .await;
    until("the protocol is planned", async || {
        (project.status(protocol).await == "planned").then_some(())
    })
    .await;
    // A question of the whole project is an event of the protocol that sets it up.
    assert_eq!(project.story(1).await, ["clarification_asked"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_question_is_told() {
    let project = Project::new().await;
    let question = |more: Value| {
        let mut body = json!({"key": "k", "question": "?"});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body
    };
    for (more, status) in [
        (json!({}), 422),
        (json!({"project_id": 1, "step_run_id": 1}), 422),
        (json!({"project_id": 1, "applies_to": "lunch"}), 422),
        (json!({"project_id": 99}), 404),
        (json!({"step_run_id": 99}), 404),
    ] {
        project
            .api
            .post("/clarifications", &question(more))
            .await
            .expect(status);
    }
    let path = "/clarifications/99/answer";
    project
        .api
        .post(path, &json!({"answer": 1}))
        .await
        .expect(404);
}

#[tokio::test]
async fn what_no_program_can_be_told_is_refused() {
    let project = Project::new().await;
    project.script("work.sh", "printf %s \"$MILLWRIGHT_ANSWERS\"");
    let protocol = project.planned(one_step()).await;
    let question = asked(&project, json!({"protocol_run_id": protocol})).await;
    let about = json!({"protocol_run_id": protocol, "key": "a", "question": "Which?"});
    let with = |field: &str, value: Value| {
        let mut body = about.clone();
        body[field] = value;
        ("/clarifications".to_owned(), body)
    };
    let path = format!("/clarifications/{question}/answer");
    for (path, body) in [
        with("question", json!("Which\0?")),
        with("key", json!("a\0")),
        with("options", json!([{"name": "a\0"}])),
        with("recommended", json!({"a\0": 1})),
        (path.clone(), json!({"answer": "SQ\0Lite"})),
        (path, json!({"answer": "SQLite", "answered_by": "ada\0"})),
    ] {
        let refused = project.api.post(&path, &body).await.expect(422);
        let message = refused["detail"][0]["msg"].as_str().unwrap();
        assert!(message.contains("zero byte"), "{body}: {message}");
    }
    answer(&project, question).await;
    let step = project.next(protocol, "flow").await;
    assert_eq!(project.execute(&step).await["status"], "succeeded");
}
