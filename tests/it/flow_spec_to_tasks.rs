//! `spec_to_tasks` and `project_onboarding` in the mill, with the real steps, a real repository and the real API; and the
//! way on from a task list to a protocol.
//!
//! Always so: the agent is played by a script; all else is what is shipped.

use std::path::Path;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::git_fixture::git;
use crate::protocol_fixture::Project;
use crate::scripted_agent::{self, ScriptedAgent};
use crate::step_executable::program;
use crate::work_in_git::project;

const PLAN: &str = "# Plan\n\nin `say.sh`: `make test`";

fn millwright(project: &Project, words: &[&str]) -> Command {
    // The mill finds the steps beside the executable.
    assert!(program().exists());
    let mut command = Command::new(env!("CARGO_BIN_EXE_millwright"));
    command
        .args(words)
        .current_dir(&project.workspace)
        .env("TASKSGODZILLA_API_URL", &project.api.address)
        .env_remove("TASKSGODZILLA_API_TOKEN");
    command
}

pub(crate) async fn run(mut command: Command) -> Result<Value, String> {
    let ended = command.output().await.unwrap();
    if ended.status.success() {
        Ok(serde_json::from_slice(&ended.stdout).unwrap_or(Value::Null))
    } else {
        let said = [ended.stdout, ended.stderr].concat();
        Err(String::from_utf8_lossy(&said).into_owned())
    }
}

/// Runs one of our flows, on the API's own database.
pub(crate) fn flow(project: &Project, name: &str, inputs: &Value) -> Command {
    let folder = project.api.folder.path();
    let file = folder.join(format!("{name}.json"));
    std::fs::write(&file, inputs.to_string()).unwrap();
    let mut command = millwright(project, &["run", name, "--json", "--input"]);
    command
        .arg(file)
        .arg("--database")
        .arg(format!("sqlite://{}", folder.join("test.db").display()));
    command
}

fn commit(project: &Project, message: &str) {
    git(&project.workspace, &["add", ".specify"]);
    git(&project.workspace, &["commit", "--quiet", "-m", message]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_becomes_a_task_list_from_templates() {
    let project = project(&[("say.sh", "echo")]).await;
    let inputs =
        json!({"project_id": project.id, "feature_request": "Say it", "tech_hints": "short"});
    let tasks = run(flow(&project, "spec_to_tasks", &inputs)).await.unwrap();
    assert_eq!(tasks["task_count"], 5);
    let path = tasks["tasks_path"].as_str().unwrap();
    assert!(
        path.ends_with("work/.specify/specs/001-say-it/tasks.md"),
        "{path}"
    );
    let runs = project.api.get("/codex/runs").await.expect(200);
    let runs = runs.as_array().unwrap();
    assert!(runs.len() >= 4, "the flow and each of its steps: {runs:?}");
    for run in runs {
        assert_eq!(run["status"], "succeeded", "{run}");
        assert_eq!(run["project_id"], project.id, "{run}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_task_list_becomes_a_protocol_that_runs() {
    let project = project(&[("say.sh", "echo")]).await;
    let tasks = "# Tasks\n- [ ] T001: say it\n- [ ] T002: say it twice [DEPENDS: T001]";
    let answers: [(&str, &[&str]); 5] = [
        ("# Write a specification", &["# Spec\nsay it"]),
        ("# Write a plan", &[PLAN]),
        ("# Write a task list", &[tasks]),
        ("# Check a step's work", &["good\n\nVERDICT: PASS"]),
        ("# Tasks", &["said"]),
    ];
    let agent = ScriptedAgent::new(project.api.folder.path(), &answers);
    let engine = |command: &mut Command| {
        command
            .env(scripted_agent::VARIABLE, agent.program())
            .env("TASKSGODZILLA_DEFAULT_ENGINE_ID", "claude-code")
            .env(
                "WHITELIST_ENVS",
                format!(
                    "{},TASKSGODZILLA_DEFAULT_ENGINE_ID",
                    scripted_agent::VARIABLE
                ),
            );
    };
    let inputs = json!({"project_path": project.workspace, "feature_request": "Say it"});
    let mut command = flow(&project, "spec_to_tasks", &inputs);
    engine(&mut command);
    let made = run(command).await.unwrap();
    let list = ".specify/specs/001-say-it/tasks.md";
    assert!(
        made["tasks_path"].as_str().unwrap().ends_with(list),
        "{made}"
    );
    commit(&project, "Plan to say it");

    let body = json!({"protocol_name": "0001-say-it"});
    let path = format!("/projects/{}/protocols", project.id);
    let protocol = project.api.post(&path, &body).await.expect(200)["id"]
        .as_i64()
        .unwrap();
    let import = ["spec", "import", &protocol.to_string(), list];
    run(millwright(&project, &import)).await.unwrap();
    let steps = project
        .api
        .get(&format!("/steps?protocol_run_id={protocol}"))
        .await
        .expect(200);
    assert_eq!(steps.as_array().unwrap().len(), 2);
    for step in steps.as_array().unwrap() {
        let inputs = json!({
            "step_run_id": step["id"], "protocol_run_id": protocol, "agent_id": "claude-code",
        });
        let mut command = flow(&project, "execute_protocol", &inputs);
        engine(&mut command);
        let checked = run(command).await.unwrap();
        assert_eq!(checked["verdict"], "pass", "{checked}");
    }
    assert_eq!(project.status(protocol).await, "completed");
    let output =
        format!("millwright/{protocol}-0001-say-it:.protocols/0001-say-it/outputs/T001.md");
    assert_eq!(git(&project.workspace, &["show", &output]), "said");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails_ends_the_flow_with_its_reason() {
    let project = project(&[("say.sh", "echo")]).await;
    let nowhere = json!({"project_path": "/nowhere", "feature_request": "x"});
    let error = run(flow(&project, "spec_to_tasks", &nowhere))
        .await
        .unwrap_err();
    assert!(
        error.contains("argument project_path: \\\"/nowhere\\\" cannot be read"),
        "{error}"
    );
    let unknown = json!({"project_id": 99, "feature_request": "x"});
    let error = run(flow(&project, "spec_to_tasks", &unknown))
        .await
        .unwrap_err();
    assert!(error.contains("there is no project 99"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_is_brought_in_and_gets_its_first_task_list() {
    let origin = project(&[("say.py", "print()")]).await;
    let project = Project::new().await;
    let new = json!({"name": "clone"});
    let id = project.api.post("/projects", &new).await.expect(200)["id"].clone();
    let root = project.api.folder.path().join("checkouts");
    let inputs = json!({
        "repo_url": format!("file://{}", origin.workspace.display()), "project_name": "Clone", "project_id": id,
    });
    let mut command = flow(&project, "project_onboarding", &inputs);
    command
        .env("TASKSGODZILLA_PROJECTS_ROOT", &root)
        .env("WHITELIST_ENVS", "TASKSGODZILLA_PROJECTS_ROOT");
    let made = run(command).await.unwrap();
    assert_eq!(made["success"], true, "{made}");
    let known = project
        .api
        .get(&format!("/projects/{id}"))
        .await
        .expect(200);
    let path = known["local_path"]
        .as_str()
        .expect("the checkout is on record");
    assert!(
        Path::new(path)
            .join(".specify/memory/constitution.md")
            .exists()
    );
    assert_eq!(known["project_classification"], "python", "{known}");

    let inputs = json!({"project_id": id, "feature_request": "Say it"});
    let tasks = run(flow(&project, "spec_to_tasks", &inputs)).await.unwrap();
    assert_eq!(tasks["task_count"], 5);
    assert!(
        tasks["tasks_path"]
            .as_str()
            .unwrap()
            .starts_with(root.canonicalize().unwrap().to_str().unwrap())
    );
}
