//! Planning by an engine, through the API: here a script that prints a plan.
//!
//! Always so: a planning is waited for until its protocol is not being planned any more.

use millwright::server::{App, ServerOptions};
use millwright::store::{Store, StoreOptions};
use serde_json::{Value, json};

use crate::api_fixture::Answer;
use crate::clarifications::{answer, asked};
use crate::protocol_fixture::{Project, shell_step};
use crate::wait::until;

const PLAN: &str = r#"cat <<'X'
{"plan_md": "p for `prompts`, prompts/protocol-new.prompt.md: `make test`", "context_md": "c", "log_md": "l", "step_files": [
 {"filename": "00-setup.md", "content": "s"}, {"filename": "01-build.md", "content": "b"}]}
X"#;

async fn planned_by(script: &str, description: Option<&str>) -> (Project, i64) {
    let (project, id) = started(script, description).await;
    planning_ends(&project, id).await;
    (project, id)
}

/// Waits until a protocol is not being planned any more.
pub(crate) async fn planning_ends(project: &Project, id: i64) {
    until("planning is over", async || {
        (project.status(id).await != "planning").then_some(())
    })
    .await;
}

async fn replan(project: &Project, id: i64) -> Answer {
    let path = format!("/protocols/{id}/actions/start");
    project.api.post(&path, &json!({"replan": true})).await
}

async fn started(script: &str, description: Option<&str>) -> (Project, i64) {
    let more = json!({"policy_overrides": {"default_engine_id": "shell"}});
    let project = Project::with(&more).await;
    project.script("prompts/protocol-new.prompt.md", script);
    let body = json!({"protocol_name": "0001-demo", "description": description});
    let path = format!("/projects/{}/protocols", project.id);
    let made = project.api.post(&path, &body).await.expect(200);
    let id = made["id"].as_i64().unwrap();
    project.action(id, "start").await.expect(200);
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
    let made = project.event(id, "setup_protocols_dir_created").await;
    let folder = project.workspace.join(".protocols/0001-demo");
    assert_eq!(made["metadata"]["protocol_root"], json!(folder));
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

const WORKS: &str = "sleep 600 & echo $! > engine; wait";

#[tokio::test]
async fn who_cancels_a_protocol_stops_the_engine_that_plans_it() {
    let (project, id) = started(WORKS, Some("x")).await;
    project.appears("engine").await;
    project.action(id, "cancel").await.expect(200);
    project.process_ends("engine").await;
    assert_eq!(project.status(id).await, "cancelled");
    assert_eq!(project.story(id).await, ["cancelled"]);
}

#[tokio::test]
async fn a_paused_planning_is_stopped_and_begins_again_when_it_is_resumed() {
    let (project, id) = started(WORKS, Some("x")).await;
    project.appears("engine").await;
    assert_eq!(
        project.action(id, "pause").await.expect(200)["status"],
        "paused"
    );
    project.process_ends("engine").await;
    // The plan names the files that there are.
    std::fs::remove_file(project.workspace.join("engine")).unwrap();
    project.script("prompts/protocol-new.prompt.md", PLAN);
    assert_eq!(
        project.action(id, "resume").await.expect(200)["status"],
        "planning"
    );
    planning_ends(&project, id).await;
    assert_eq!(project.status(id).await, "planned");
    assert_eq!(project.story(id).await, ["paused", "resumed", "planned"]);
}

/// Engines that tell when they begin, in a folder that no plan names, and go on until they are let go.
const COUNTED: &str = "echo $$ >> .began; until [ -f .go ]; do sleep 0.02; done; ";

/// The engines that were started, and those of them that still run.
fn engines(project: &Project) -> (usize, usize) {
    let began = std::fs::read_to_string(project.workspace.join(".began")).unwrap_or_default();
    let runs = |id: &&str| std::path::Path::new("/proc").join(id).exists();
    (began.lines().count(), began.lines().filter(runs).count())
}

async fn let_go(project: &Project, id: i64) {
    std::fs::write(project.workspace.join(".go"), "").unwrap();
    planning_ends(project, id).await;
    assert_eq!(project.status(id).await, "planned");
    let story = project.story(id).await;
    assert_eq!(
        story.iter().filter(|event| *event == "planned").count(),
        1,
        "{story:?}"
    );
}

#[tokio::test]
async fn who_pauses_and_resumes_at_once_has_one_engine_at_a_time() {
    let (project, id) = started(&format!("{COUNTED}{PLAN}"), Some("x")).await;
    project.appears(".began").await;
    for _ in 0..5 {
        let (paused, resumed) =
            tokio::join!(project.action(id, "pause"), project.action(id, "resume"));
        paused.expect(200);
        if resumed.status.as_u16() != 200 {
            project.action(id, "resume").await.expect(200);
        }
        let (_, running) = engines(&project);
        assert!(running <= 1, "{running} engines at once");
    }
    until("an engine plans again", async || {
        let (_, running) = engines(&project);
        assert!(running <= 1, "{running} engines at once");
        (running == 1).then_some(())
    })
    .await;
    let_go(&project, id).await;
}

#[tokio::test]
async fn another_server_of_the_database_takes_up_what_nobody_plans_any_more() {
    let (project, id) = started(&format!("{COUNTED}{PLAN}"), Some("x")).await;
    project.appears(".began").await;
    let store = || {
        Store::open(&StoreOptions::file(
            project.api.folder.path().join("test.db"),
        ))
    };
    let beside = App::new(store().unwrap(), ServerOptions::default()).unwrap();
    let closing = beside.closing.clone();
    beside.work.take_up(closing).await.unwrap();
    // What it does, it has asked the database for by now.
    beside.work.start(id, false).await.unwrap_err();
    assert_eq!(engines(&project), (1, 1));

    // The first one is gone.
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let gone = format!("{}:{}:1", hostname.trim(), std::process::id());
    let protocols = project.api.app.work.protocols();
    let taken = protocols.write(move |tables| tables.begin_planning(id, "lost", &gone, |_| true));
    assert!(taken.await.unwrap());
    let next = App::new(store().unwrap(), ServerOptions::default()).unwrap();
    let closing = next.closing.clone();
    next.work.take_up(closing).await.unwrap();
    until("the next server's engine plans", async || {
        (engines(&project).0 == 2).then_some(())
    })
    .await;
    let_go(&project, id).await;
    assert_eq!(engines(&project).0, 2);
}

#[tokio::test]
async fn a_spec_that_comes_while_an_engine_plans_takes_its_place() {
    let (project, id) = started(WORKS, Some("x")).await;
    project.appears("engine").await;
    project.script("a.sh", "true");
    let spec = json!({"spec": {"steps": [shell_step("a", "a.sh", json!({}))]}});
    let path = format!("/protocols/{id}/spec");
    project.api.post(&path, &spec).await.expect(200);
    project.process_ends("engine").await;
    assert_eq!(project.status(id).await, "planned");
    let about = project.event(id, "planned").await["metadata"].clone();
    assert_eq!(about["models"], json!({}), "no engine planned it");
    assert_eq!(about["prompt_versions"], json!({}));
    assert_eq!(about["estimated_tokens"], 0);
}

#[tokio::test]
async fn another_plan_takes_the_place_of_one_that_has_not_begun() {
    let (project, id) = planned_by(PLAN, Some("x")).await;
    let other = PLAN
        .replace("01-build", "02-other")
        .replace("\"b\"", "\"o\"");
    project.script("prompts/protocol-new.prompt.md", &other);
    project.action(id, "start").await.expect(200);
    planning_ends(&project, id).await;
    assert_eq!(
        project.read(".protocols/0001-demo/01-build.md"),
        "b",
        "a start plans nothing anew"
    );

    assert_eq!(replan(&project, id).await.expect(200)["status"], "planning");
    planning_ends(&project, id).await;
    assert_eq!(project.status(id).await, "planned");
    let steps = project
        .api
        .get(&format!("/steps?protocol_run_id={id}"))
        .await
        .expect(200);
    let names: Vec<_> = steps
        .as_array()
        .unwrap()
        .iter()
        .map(|step| &step["step_name"])
        .collect();
    assert_eq!(names, ["00-setup.md", "02-other.md"]);
    assert_eq!(
        project.read(".protocols/0001-demo/replaced-1/01-build.md"),
        "b"
    );
    assert!(
        !project
            .workspace
            .join(".protocols/0001-demo/01-build.md")
            .exists()
    );

    project.script("prompts/protocol-new.prompt.md", "exit 3");
    replan(&project, id).await.expect(200);
    planning_ends(&project, id).await;
    assert_eq!(
        project.status(id).await,
        "planned",
        "it keeps the plan that it has"
    );
    project.event(id, "planning_failed").await;
    assert_eq!(project.steps(id).await, ["pending", "pending"]);

    let step = project.next(id, "flow").await;
    project.begin(&step, "execute", json!({})).await;
    let refused = replan(&project, id).await.expect(409);
    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.contains("it cannot be planned anew") || detail.contains("before its steps begin"),
        "{detail}"
    );
}

#[tokio::test]
async fn a_planning_that_failed_is_repeated_and_a_spec_that_was_given_is_not_replaced() {
    let (project, id) = planned_by("exit 3", Some("x")).await;
    assert_eq!(project.status(id).await, "blocked");
    project.script("prompts/protocol-new.prompt.md", PLAN);
    replan(&project, id).await.expect(200);
    planning_ends(&project, id).await;
    assert_eq!(project.status(id).await, "planned");

    project.script("a.sh", "true");
    let given = project
        .planned(json!([shell_step("a", "a.sh", json!({}))]))
        .await;
    let refused = replan(&project, given).await.expect(409);
    assert!(
        refused["detail"]
            .as_str()
            .unwrap()
            .contains("its spec was given"),
        "{refused}"
    );
}

#[tokio::test]
async fn who_plans_is_told_what_people_have_answered() {
    let script = format!("printf %s \"$MILLWRIGHT_REQUEST\" > ../asked\n{PLAN}");
    let (project, first) = planned_by(&script, Some("a greeting")).await;
    let about = json!({"project_id": project.id, "applies_to": "planning"});
    let question = asked(&project, about).await;
    answer(&project, question).await;
    assert_eq!(project.read("../asked"), "a greeting");
    replan(&project, first).await.expect(200);
    planning_ends(&project, first).await;
    let asked = project.read("../asked");
    assert!(asked.starts_with("a greeting\n\n## Answers"), "{asked}");
    let told = "Question: Which database?\nAnswer: SQLite";
    assert!(asked.contains(told), "{asked}");
}
