//! `plan_protocol` as a real process, for a project in git: its documents, its protocol run, and the run's way on.
//!
//! Always so: the plan is looked for on the protocol's branch.

use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::git_fixture::git;
use crate::protocol_fixture::Project;
use crate::scripted_agent::{self, ScriptedAgent};
use crate::work_in_git::project;
use crate::worker::{command, outcome};

const PLAN: &str = "# Plan\n\n`say.sh`, `prompts/qa.md` and `prompts`: `make test`";
const TASKS: &str = "# Tasks\n- [ ] T001: say it\n- [ ] T002: say it twice [DEPENDS: T001]\n- [x] T003: done long ago";

async fn in_git() -> Project {
    let project = project(&[("say.sh", "echo")]).await;
    std::fs::create_dir(project.workspace.join("prompts")).unwrap();
    std::fs::write(project.workspace.join("prompts/qa.md"), "Judge.").unwrap();
    git(&project.workspace, &["add", "."]);
    git(&project.workspace, &["commit", "--quiet", "-m", "Two"]);
    project
}

async fn plan(project: &Project, args: Value) -> Result<Value, String> {
    outcome(command(project, "plan_protocol", &args)).await
}

async fn plan_with(project: &Project, agent: &ScriptedAgent, args: Value) -> Result<Value, String> {
    let mut command = command(project, "plan_protocol", &args);
    command
        .env(scripted_agent::VARIABLE, agent.program())
        .env("TASKSGODZILLA_PLANNING_ENGINE_ID", "claude-code");
    outcome(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_becomes_a_protocol_with_a_step_for_every_task() {
    let project = in_git().await;
    let answers: [(&str, &[&str]); 4] = [
        ("# Write a specification", &["# Spec\nsay it"]),
        ("# Write a plan", &["# Plan\nall will be well", PLAN]),
        ("# Write a task list", &[TASKS]),
        ("## Inputs", &["said"]),
    ];
    let agent = ScriptedAgent::new(project.api.folder.path(), &answers);
    let args = json!({
        "project_id": project.id, "feature_request": "Say it/twice", "agent_id": "claude-code",
    });
    let planned = plan_with(&project, &agent, args).await.unwrap();
    assert_eq!(planned["protocol_name"], "Protocol: Say it twice");
    assert_eq!(planned["branch_name"], "feature-say-it-twice");
    assert_eq!(planned["task_count"], 3);
    assert_eq!(
        planned["dag"]["levels"],
        json!([["T001", "T003"], ["T002"]])
    );
    assert_eq!(planned["windmill_flow_id"], Value::Null);
    assert!(
        agent.asked().contains("it names no command"),
        "{}",
        agent.asked()
    );

    let folder = ".specify/specs/feature-say-it-twice";
    let on_branch = |file: &str| {
        git(
            &project.workspace,
            &["show", &format!("feature-say-it-twice:{folder}/{file}")],
        )
    };
    assert_eq!(on_branch("feature-spec.md"), "# Spec\nsay it");
    assert_eq!(on_branch("plan.md"), PLAN);
    assert!(on_branch("_runtime/dag.json").contains("T002"));
    for path in ["spec_path", "plan_path", "tasks_path", "dag_path"] {
        assert!(
            std::path::Path::new(planned[path].as_str().unwrap()).exists(),
            "{planned}"
        );
    }
    assert_eq!(git(&project.workspace, &["status", "--porcelain"]), "");

    let id = planned["protocol_run_id"].as_i64().unwrap();
    assert_eq!(project.status(id).await, "planned");
    let event = project.event(id, "planned").await;
    let about = &event["metadata"];
    assert_eq!(about["engine_id"], "claude-code", "{event}");
    let versions = about["prompt_versions"].as_object().unwrap();
    assert_eq!(versions.len(), 3, "{event}");
    assert!(about["estimated_tokens"].as_u64().unwrap() > 100);
    let steps = project
        .api
        .get(&format!("/steps?protocol_run_id={id}"))
        .await;
    let steps = steps.expect(200);
    assert_eq!(steps[0]["engine_id"], "claude-code");
    assert_eq!(
        planned["steps"],
        json!({"T001": steps[0]["id"], "T002": steps[1]["id"]})
    );

    let step = json!({"step_run_id": steps[0]["id"]});
    let mut work = command(&project, "execute_step", &step);
    work.env(scripted_agent::VARIABLE, agent.program());
    let done = outcome(work).await.unwrap();
    assert_eq!(done["output"], "said", "{done}");
    assert!(agent.asked().contains("- [ ] T002: say it twice"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_protocol_of_one_request_has_a_branch_and_nobody_elses() {
    let project = in_git().await;
    git(&project.workspace, &["branch", "feature-more"]);
    let args = json!({"project_id": project.id, "feature_request": "More"});
    let mut branches = Vec::new();
    for _ in 0..2 {
        let planned = plan(&project, args.clone()).await.unwrap();
        assert_eq!(planned["task_count"], 5, "the template's tasks");
        branches.push(planned["branch_name"].as_str().unwrap().to_owned());
    }
    assert_eq!(branches, ["feature-more-2", "feature-more-3"]);
    let tip = git(
        &project.workspace,
        &["log", "-1", "--format=%s", "feature-more"],
    );
    assert_eq!(tip, "Two", "someone's own branch is left alone");

    let named = json!({"project_id": project.id, "feature_request": "x", "branch_name": "team/x"});
    let planned = plan(&project, named.clone()).await.unwrap();
    assert_eq!(planned["branch_name"], "team/x");
    let error = plan(&project, named).await.unwrap_err();
    assert!(
        error.contains("the branch team/x has a plan already"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planning_that_failed_leaves_no_protocol_and_can_be_repeated() {
    let project = in_git().await;
    let answers: [(&str, &[&str]); 2] = [
        ("# Write a specification", &["# Spec\nsay it"]),
        ("# Write a plan", &["# Plan\nall will be well"]),
    ];
    let agent = ScriptedAgent::new(project.api.folder.path(), &answers);
    let args = json!({"project_id": project.id, "feature_request": "Say it"});
    let error = plan_with(&project, &agent, args.clone()).await.unwrap_err();
    assert!(
        error.contains("is no plan, also after it was told why"),
        "{error}"
    );
    let protocols = project
        .api
        .get("/protocols?status=pending")
        .await
        .expect(200);
    let names: Vec<&Value> = protocols
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["protocol_name"])
        .collect();
    assert!(!names.contains(&&json!("Protocol: Say it")), "{names:?}");
    let worktrees = git(&project.workspace, &["worktree", "list"]);
    assert_eq!(worktrees.lines().count(), 1, "{worktrees}");
    let planned = plan(&project, args).await.unwrap();
    assert_eq!(planned["branch_name"], "feature-say-it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_without_a_protocol_is_taken_up() {
    let project = in_git().await;
    let args = json!({"project_id": project.id, "feature_request": "x", "branch_name": "team/x"});
    // An API that knows the project and makes no protocol: the documents are committed by then.
    let shown = project
        .api
        .get(&format!("/projects/{}", project.id))
        .await
        .expect(200);
    let refusing = Router::new()
        .route("/projects/{id}", get(async move || Json(shown.clone())))
        .route(
            "/projects/{id}/protocols",
            post(async || StatusCode::CONFLICT),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async { axum::serve(listener, refusing).await });
    let mut command = command(&project, "plan_protocol", &args);
    command.env("DEVGODZILLA_API_URL", address);
    let error = outcome(command).await.unwrap_err();
    serving.abort();
    assert!(error.contains("answered 409"), "{error}");
    let committed = git(
        &project.workspace,
        &["ls-tree", "-r", "--name-only", "team/x"],
    );
    assert!(committed.contains("tasks.md"), "{committed}");
    let planned = plan(&project, args.clone()).await.unwrap();
    assert_eq!(planned["branch_name"], "team/x");
    let error = plan(&project, args).await.unwrap_err();
    assert!(error.contains("has a plan already"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_have_a_branch_each() {
    let project = in_git().await;
    let args = json!({"project_id": project.id, "feature_request": "Same thing"});
    let runs = (0..4).map(|_| plan(&project, args.clone()));
    let mut branches = Vec::new();
    for planned in futures_util::future::join_all(runs).await {
        branches.push(planned.unwrap()["branch_name"].as_str().unwrap().to_owned());
    }
    branches.sort_unstable();
    let numbered = |n| format!("feature-same-thing{n}");
    assert_eq!(branches, ["", "-2", "-3", "-4"].map(numbered));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_planned_is_refused() {
    let project = in_git().await;
    let bare = project
        .api
        .post("/projects", &json!({"name": "bare"}))
        .await
        .expect(200)["id"]
        .clone();
    let gone = json!({"name": "gone", "local_path": "/nowhere"});
    let gone = project.api.post("/projects", &gone).await.expect(200)["id"].clone();
    let with = |more: Value| {
        let mut args = json!({"project_id": project.id, "feature_request": "x"});
        for (key, value) in more.as_object().unwrap() {
            args[key] = value.clone();
        }
        args
    };
    for (more, problem) in [
        (json!({"project_id": 99}), "there is no project 99"),
        (
            json!({"project_id": bare}),
            "has no local_path: clone it with the flow project_onboarding",
        ),
        (json!({"project_id": gone}), "cannot be read here: /nowhere"),
        (
            json!({"feature_request": "\n"}),
            "argument feature_request: is empty",
        ),
        (
            json!({"protocol_name": "../x"}),
            "argument protocol_name: a protocol's name names a folder",
        ),
        (
            json!({"branch_name": "a..b"}),
            "argument branch_name: it holds what no branch's name may hold",
        ),
        (
            json!({"branch_name": "main"}),
            "the branch main is checked out in",
        ),
    ] {
        let error = plan(&project, with(more.clone())).await.unwrap_err();
        assert!(error.contains(problem), "{more}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_git_ignores_make_no_protocol() {
    let project = in_git().await;
    std::fs::write(project.workspace.join(".gitignore"), ".specify\n").unwrap();
    git(&project.workspace, &["add", "."]);
    git(&project.workspace, &["commit", "--quiet", "-m", "Three"]);
    let args = json!({"project_id": project.id, "feature_request": "More"});
    let error = plan(&project, args).await.unwrap_err();
    assert!(
        error.contains("tasks.md, so that no step would find it"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_git_the_documents_lie_in_the_projects_folder() {
    let project = Project::new().await;
    let args =
        json!({"project_id": project.id, "feature_request": "More", "protocol_name": "0007-more"});
    let planned = plan(&project, args.clone()).await.unwrap();
    assert_eq!(planned["protocol_name"], "0007-more");
    assert!(
        project
            .read(".specify/specs/feature-more/tasks.md")
            .contains("T005")
    );
    let again = plan(&project, args).await.unwrap();
    assert_eq!(again["branch_name"], "feature-more-2");
}
