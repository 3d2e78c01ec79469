//! `full_protocol` and `execute_protocol` in the mill to their end: the real steps, the real API, a repository with a bare
//! remote, and a forge on loopback.
//!
//! Always so: what the flow yields is compared with what the API, the remote and the forge know.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::Request;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::flow_spec_to_tasks::{flow, run};
use crate::git_fixture::{commit_all, git};
use crate::protocol_fixture::{Project, checked_by, shell_step};
use crate::scripted_agent::{self, ScriptedAgent};

const PULL: &str = "https://github.com/acme/demo/pull/7";

/// A forge that opens what it is asked to, and notes it.
struct Forge {
    url: String,
    opened: Arc<Mutex<Vec<Value>>>,
}

impl Forge {
    async fn start() -> Self {
        let opened = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&opened);
        let answer = async move |request: Request| {
            if request.method() == "GET" {
                return Json(json!([])).into_response();
            }
            let body = axum::body::to_bytes(request.into_body(), 1 << 20)
                .await
                .unwrap();
            kept.lock()
                .unwrap()
                .push(serde_json::from_slice(&body).unwrap());
            Json(json!({"number": 7, "html_url": PULL})).into_response()
        };
        let routes = axum::Router::new().fallback(answer);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, opened }
    }

    /// Lets a flow's steps reach it.
    fn told(&self, mut command: Command, more: &str) -> Command {
        let names = format!("GITHUB_TOKEN,GITHUB_API_URL,{more}");
        command
            .env("GITHUB_API_URL", &self.url)
            .env("GITHUB_TOKEN", "hush")
            .env("WHITELIST_ENVS", names);
        command
    }
}

/// Gives a project's checkout a remote at a forge, behind which is a bare repository.
fn publish(project: &Project) -> PathBuf {
    let remote = project.api.folder.path().join("remote.git");
    let path = remote.display().to_string();
    git(&project.workspace, &["init", "--quiet", "--bare", &path]);
    let address = "https://github.com/acme/demo.git";
    git(&project.workspace, &["remote", "add", "origin", address]);
    let instead = format!("url.{path}.insteadOf");
    git(&project.workspace, &["config", &instead, address]);
    remote
}

async fn in_git(policy: Value, scripts: &[(&str, &str)]) -> (Project, PathBuf) {
    let project = Project::with(&json!({"policy_overrides": policy})).await;
    for (name, text) in scripts {
        project.script(name, text);
    }
    commit_all(&project.workspace);
    let remote = publish(&project);
    (project, remote)
}

async fn full_protocol(project: &Project, forge: &Forge, inputs: &Value) -> Result<Value, String> {
    run(forge.told(flow(project, "full_protocol", inputs), "")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protocol_that_passes_becomes_a_pull_request() {
    let policy = json!({"gates": {"test": "cat a.txt b.txt c.txt"}, "quality_gates": ["test"]});
    let (project, remote) = in_git(
        policy,
        &[
            ("a.sh", "echo a > a.txt; echo done"),
            ("b.sh", "echo b > b.txt; echo done"),
            ("c.sh", "cat a.txt b.txt > c.txt; echo done"),
            ("check.sh", "test -e c.txt && echo VERDICT: PASS"),
        ],
    )
    .await;
    let checked = json!({"qa": {"policy": "full", "prompt": "check.sh", "gates": ["test"]}});
    let mut last = shell_step("03-c", "c.sh", checked);
    last["depends_on"] = json!(["01-a", "02-b"]);
    let protocol = project
        .protocol(json!([
            shell_step("01-a", "a.sh", json!({})),
            shell_step("02-b", "b.sh", json!({})),
            last,
        ]))
        .await;
    let forge = Forge::start().await;
    let inputs = json!({
        "protocol_run_id": protocol, "project_id": project.id, "feature_request": "More",
    });
    let opened = full_protocol(&project, &forge, &inputs).await.unwrap();
    assert_eq!(
        (&opened["success"], &opened["pr_url"]),
        (&json!(true), &json!(PULL))
    );

    assert_eq!(project.status(protocol).await, "completed");
    let shown = project
        .api
        .get(&format!("/protocols/{protocol}"))
        .await
        .expect(200);
    assert_eq!(
        (&shown["pr_number"], &shown["pr_url"]),
        (&json!(7), &json!(PULL))
    );
    let event = project.event(protocol, "open_pr").await;
    let branch = format!("millwright/{protocol}-0001-demo");
    assert_eq!(event["metadata"]["branch"], branch);
    let pushed = project.event(protocol, "setup_branch_pushed").await;
    assert_eq!(pushed["metadata"]["branch"], branch);
    assert_eq!(pushed["metadata"]["pushed"], true);
    let asked = forge.opened.lock().unwrap().clone();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        (&asked[0]["head"], &asked[0]["title"]),
        (&json!(branch), &json!("[DevGodzilla] More"))
    );
    assert_eq!(git(&remote, &["show", &format!("{branch}:c.txt")]), "a\nb");
    assert_eq!(git(&project.workspace, &["status", "--porcelain"]), "");
    let runs = project.api.get("/codex/runs").await.expect(200);
    for run in runs.as_array().unwrap() {
        assert_eq!(run["status"], "succeeded", "{run}");
    }
    let run = &runs[0]["run_id"];
    let kept = format!("/codex/runs/{}/artifacts", run.as_str().unwrap());
    let kept = project.api.get(&kept).await.expect(200);
    let names: Vec<&Value> = kept
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    for name in ["step.1.output", "step.2.output", "step.3.quality-report"] {
        assert!(names.contains(&&json!(name)), "{name} is none of {names:?}");
    }
    assert_eq!(
        &project.event(protocol, "step_completed").await["metadata"]["run_id"],
        run
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails_is_tried_again_and_then_asked_about_until_the_answer_lets_it_pass() {
    let check = r#"common="$(git rev-parse --path-format=absolute --git-common-dir)"
echo x >> "$common/tries"; test -e "$common/mended" && echo VERDICT: PASS || echo VERDICT: FAIL"#;
    let (project, _remote) = in_git(
        json!({}),
        &[("a.sh", "echo a > a.txt; echo done"), ("check.sh", check)],
    )
    .await;
    let protocol = project
        .protocol(json!([shell_step("01-a", "a.sh", checked_by("check.sh"))]))
        .await;
    let forge = Forge::start().await;
    let inputs = json!({"protocol_run_id": protocol});
    let asked = full_protocol(&project, &forge, &inputs).await.unwrap();
    assert_eq!(asked["next_action"], "await_user_input", "{asked}");
    let question = asked["question"].as_str().unwrap();
    assert!(question.contains("Step 01-a is failed"), "{question}");
    let tries = std::fs::read_to_string(project.workspace.join(".git/tries")).unwrap();
    assert_eq!(tries.lines().count(), 3, "once, and tried again twice");
    assert_eq!(project.status(protocol).await, "blocked");
    assert_eq!(project.steps(protocol).await, ["blocked"]);
    assert!(forge.opened.lock().unwrap().is_empty());

    std::fs::write(project.workspace.join(".git/mended"), "").unwrap();
    let id = &asked["updated_context"]["clarification_id"];
    let answer = json!({"answer": asked["options"][1]});
    let path = format!("/clarifications/{id}/answer");
    project.api.post(&path, &answer).await.expect(200);
    let opened = full_protocol(&project, &forge, &inputs).await.unwrap();
    assert_eq!(opened["pr_number"], 7, "{opened}");
    assert_eq!(project.status(protocol).await, "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_becomes_a_plan_that_runs_and_a_pull_request() {
    let (project, remote) = in_git(json!({}), &[("say.sh", "echo")]).await;
    let tasks = "# Tasks\n- [ ] T001: say it\n- [ ] T002: say it twice [DEPENDS: T001]";
    let answers: [(&str, &[&str]); 5] = [
        ("# Write a specification", &["# Spec\nsay it"]),
        ("# Write a plan", &["# Plan\n\nin `say.sh`: `make test`"]),
        ("# Write a task list", &[tasks]),
        ("# Check a step's work", &["good\n\nVERDICT: PASS"]),
        ("# Tasks", &["said"]),
    ];
    let agent = ScriptedAgent::new(project.api.folder.path(), &answers);
    let forge = Forge::start().await;
    let inputs = json!({
        "project_id": project.id, "feature_request": "Say it", "agent_id": "claude-code",
    });
    let names = format!(
        "{},TASKSGODZILLA_PLANNING_ENGINE_ID",
        scripted_agent::VARIABLE
    );
    let mut command = forge.told(flow(&project, "full_protocol", &inputs), &names);
    // The steps run in the API: here, in that of the flow's own process.
    command
        .env_remove("TASKSGODZILLA_API_URL")
        .env(scripted_agent::VARIABLE, agent.program())
        .env("TASKSGODZILLA_PLANNING_ENGINE_ID", "claude-code");
    let opened = run(command).await.unwrap();
    assert_eq!(opened["pr_url"], PULL, "{opened}");
    let protocols = project
        .api
        .get(&format!("/projects/{}/protocols", project.id))
        .await;
    let protocols = protocols.expect(200);
    assert_eq!(protocols[0]["status"], "completed");
    assert_eq!(protocols[0]["pr_number"], 7);
    let asked = forge.opened.lock().unwrap()[0].clone();
    assert_eq!(asked["head"], "feature-say-it");
    assert_eq!(asked["title"], "[DevGodzilla] Say it");
    let plan = "feature-say-it:.specify/specs/feature-say-it/plan.md";
    assert!(git(&remote, &["show", plan]).starts_with("# Plan"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_remote_the_flow_fails_and_says_why() {
    let project = Project::new().await;
    project.script("a.sh", "echo done");
    commit_all(&project.workspace);
    let protocol = project
        .protocol(json!([shell_step("01-a", "a.sh", json!({}))]))
        .await;
    let forge = Forge::start().await;
    let inputs = json!({"protocol_run_id": protocol});
    let error = full_protocol(&project, &forge, &inputs).await.unwrap_err();
    assert!(error.contains("no remote to push to"), "{error}");
    assert_eq!(project.status(protocol).await, "completed");
    let story = project.story(protocol).await;
    let last = ["setup_branch_push_skipped", "open_pr_skipped", "job_failed"];
    assert!(story.ends_with(&last.map(str::to_owned)), "{story:?}");
    let skipped = project.event(protocol, last[0]).await;
    assert_eq!(skipped["metadata"]["pushed"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_executes_and_checks_one_step_on_the_branch() {
    let (project, _remote) = in_git(
        json!({}),
        &[
            ("a.sh", "echo \"$MILLWRIGHT_CONTEXT\" > a.txt; echo done"),
            ("check.sh", "grep -q hello a.txt && echo VERDICT: PASS"),
        ],
    )
    .await;
    let protocol = project
        .planned(json!([shell_step("01-a", "a.sh", checked_by("check.sh"))]))
        .await;
    let inputs =
        json!({"protocol_run_id": protocol, "step_id": "01-a", "context": {"say": "hello"}});
    let checked = run(flow(&project, "execute_protocol", &inputs))
        .await
        .unwrap();
    assert_eq!(checked["verdict"], "pass", "{checked}");
    assert_eq!(project.status(protocol).await, "completed");
    let file = format!("millwright/{protocol}-0001-demo:a.txt");
    assert_eq!(
        git(&project.workspace, &["show", &file]),
        "{\"say\":\"hello\"}"
    );
    let none = json!({"step_id": "T001"});
    let error = run(flow(&project, "execute_protocol", &none))
        .await
        .unwrap_err();
    assert!(
        error.contains("give step_run_id, or protocol_run_id with step_id"),
        "{error}"
    );
}
