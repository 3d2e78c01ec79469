//! `generate_spec`, `generate_plan`, `generate_tasks` as real processes: from templates, by an agent, and with bad input.
//!
//! Always so: what a step says it wrote is read from disk.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::protocol_fixture::{Project, process_ends};
use crate::scripted_agent::{self, ScriptedAgent};
use crate::worker::{command, outcome};

const SPEC: &str = "# Feature: login\n\n## Requirements\n- **R1**: a person can log in";
const PLAN: &str =
    "# Plan: login\n\nChange `src/main.rs` and `src`; see README.md.\n\n```sh\ncargo test\n```";
const TASKS: &str = "# Tasks\n\n## Phase 1: Work\n- [ ] T001: a in src/main.rs\n- [ ] T002: b [DEPENDS: T001]\n- [ ] T003: c [DEPENDS: T001] [PARALLEL]";
const CIRCLE: &str = "# Tasks\n- [ ] T001: a [DEPENDS: T002]\n- [ ] T002: b [DEPENDS: T001]";

async fn project() -> Project {
    let project = Project::new().await;
    fs::create_dir(project.workspace.join("src")).unwrap();
    fs::write(project.workspace.join("src/main.rs"), "").unwrap();
    fs::write(project.workspace.join("README.md"), "").unwrap();
    project
}

fn agent(project: &Project, tasks: &[&str]) -> ScriptedAgent {
    let answers: [(&str, &[&str]); 3] = [
        ("# Write a specification", &[SPEC]),
        ("# Write a plan", &[PLAN]),
        ("# Write a task list", tasks),
    ];
    ScriptedAgent::new(project.api.folder.path(), &answers)
}

async fn run(project: &Project, name: &str, args: Value) -> Result<Value, String> {
    outcome(command(project, name, &args)).await
}

/// The same with an agent as the environment's engine.
async fn run_with(
    project: &Project,
    agent: &ScriptedAgent,
    name: &str,
    args: Value,
) -> Result<Value, String> {
    let mut command = command(project, name, &args);
    command
        .env(scripted_agent::VARIABLE, agent.program())
        .env("TASKSGODZILLA_DEFAULT_ENGINE_ID", "claude-code");
    outcome(command).await
}

fn read_json(path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_engine_templates_are_filled_in_the_projects_own_first() {
    let project = project().await;
    let templates = project.workspace.join(".specify/templates");
    fs::create_dir_all(&templates).unwrap();
    let own = "# Plan for [FEATURE NAME]\nfollows [path]\n";
    fs::write(templates.join("plan-template.md"), own).unwrap();

    let request = "Let people log in";
    let args = json!({"feature_request": request, "project_id": project.id});
    let spec = run(&project, "generate_spec", args).await.unwrap();
    let folder = project.workspace.canonicalize().unwrap();
    let folder = folder.join(".specify/specs/001-let-people-log-in");
    let at = |name: &str| folder.join(name).display().to_string();
    assert_eq!(spec["spec_path"], at("spec.md"));
    assert_eq!(spec["feature_name"], "let-people-log-in");
    assert_eq!(spec["spec_number"], 1);
    let text = fs::read_to_string(at("spec.md")).unwrap();
    assert!(text.contains("## Request\nLet people log in\n"), "{text}");

    let args = json!({
        "spec_path": ".specify/specs/001-let-people-log-in/spec.md", "project_path": project.workspace,
        "tech_hints": "no cookies",
    });
    let plan = run(&project, "generate_plan", args).await.unwrap();
    assert_eq!(plan["plan_path"], at("plan.md"));
    assert_eq!(
        plan["implementation_plan"],
        json!({"path": at("plan.md"), "spec_path": at("spec.md")})
    );
    assert_eq!(
        fs::read_to_string(at("plan.md")).unwrap(),
        "# Plan for let-people-log-in\nfollows .specify/specs/001-let-people-log-in/spec.md\n\n## Hints\nno cookies\n"
    );

    let args = json!({"plan_path": plan["plan_path"], "project_id": project.id});
    let tasks = run(&project, "generate_tasks", args).await.unwrap();
    assert_eq!(tasks["tasks_path"], at("tasks.md"));
    assert_eq!(tasks["task_count"], 5);
    assert_eq!(tasks["tasks"][1]["depends_on"], json!(["T001"]));
    assert_eq!(
        tasks["dag"]["levels"],
        json!([["T001"], ["T002"], ["T003", "T004"], ["T005"]])
    );
    assert_eq!(tasks["dag_path"], at("_runtime/dag.json"));
    assert_eq!(tasks["truncated"], false);
    assert_eq!(read_json(&at("_runtime/dag.json")), tasks["dag"]);
    let context = read_json(&at("_runtime/context.json"));
    assert_eq!(context["tech_hints"], "no cookies");
    assert_eq!(context["task_count"], 5);
    let time = context["tasks_generated_at"].as_str().unwrap();
    assert!(time.ends_with('Z'), "{context}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_tells_of_as_many_tasks_as_it_has_room_for() {
    let project = project().await;
    let templates = project.workspace.join(".specify/templates");
    fs::create_dir_all(&templates).unwrap();
    let tasks: Vec<String> = (1..=3000)
        .map(|n| format!("- [ ] T{n:04}: write what is wanted in its own file {n}"))
        .collect();
    let tasks = tasks.join("\n");
    fs::write(
        templates.join("tasks-template.md"),
        format!("# Tasks\n{tasks}"),
    )
    .unwrap();
    fs::write(project.workspace.join("plan.md"), PLAN).unwrap();
    let args = json!({"plan_path": "plan.md", "project_path": project.workspace});
    let told = run(&project, "generate_tasks", args).await.unwrap();
    assert_eq!(told["task_count"], 3000);
    assert_eq!(told["truncated"], true);
    assert!(told.to_string().len() < 300_000);
    let tasks = told["tasks"].as_array().unwrap();
    assert!(tasks.len() > 300, "{}", tasks.len());
    assert_eq!(told["dag"]["nodes"].as_object().unwrap().len(), tasks.len());
    assert_eq!(
        told["dag"]["levels"][0].as_array().unwrap().len(),
        tasks.len()
    );
    let whole = read_json(told["dag_path"].as_str().unwrap());
    assert_eq!(whole["nodes"].as_object().unwrap().len(), 3000);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_writes_them_and_mends_a_circle_once() {
    let project = project().await;
    let agent = agent(&project, &[CIRCLE, TASKS]);
    let path = &project.workspace;
    let args =
        json!({"feature_request": "Log in", "project_path": path, "branch_name": "feature-login"});
    let spec = run_with(&project, &agent, "generate_spec", args)
        .await
        .unwrap();
    assert_eq!(spec["feature_name"], "login");
    let text = fs::read_to_string(spec["spec_path"].as_str().unwrap()).unwrap();
    assert_eq!(text, format!("{SPEC}\n"));
    let args = json!({"spec_path": spec["spec_path"], "project_path": path});
    let plan = run_with(&project, &agent, "generate_plan", args)
        .await
        .unwrap();
    let args = json!({"plan_path": plan["plan_path"], "project_path": path});
    let tasks = run_with(&project, &agent, "generate_tasks", args)
        .await
        .unwrap();
    assert_eq!(tasks["dag"]["levels"], json!([["T001"], ["T002", "T003"]]));
    let asked = agent.asked();
    for told in [
        "## The request\n\nLog in",
        "R1**: a person can log in",
        "tasks depend on each other in a circle: T001 -> T002 -> T001",
    ] {
        assert!(asked.contains(told), "{told:?} is not in\n{asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engines_failure_is_a_failure_and_leaves_nothing() {
    let project = project().await;
    let request = json!({"feature_request": "Log in", "project_path": project.workspace});
    let rubbish: [(&str, &[&str]); 1] = [("# Write a specification", &["I would rather not."])];
    let rubbish = ScriptedAgent::new(project.api.folder.path(), &rubbish);
    let error = run_with(&project, &rubbish, "generate_spec", request.clone()).await;
    let error = error.unwrap_err();
    assert!(
        error.contains("the answer of the engine claude-code is no specification, also after it was told why: it has no heading"),
        "{error}"
    );
    for (engine, problem) in [
        (
            "codex",
            "codex is not installed: run `npm install -g @openai/codex`",
        ),
        ("nope", "the engine nope is not known: this version has"),
    ] {
        let mut command = command(&project, "generate_spec", &request);
        command
            .env("TASKSGODZILLA_PLANNING_ENGINE_ID", engine)
            .env("MILLWRIGHT_CODEX_BIN", "/nowhere/codex");
        let error = outcome(command).await.unwrap_err();
        assert!(error.contains(problem), "{error}");
    }
    let specs = project.workspace.join(".specify/specs");
    assert_eq!(fs::read_dir(specs).unwrap().count(), 0, "a folder was left");

    let airy = agent(&project, &[CIRCLE]);
    let spec = run_with(&project, &airy, "generate_spec", request)
        .await
        .unwrap();
    let args = json!({"spec_path": spec["spec_path"], "project_path": project.workspace});
    let plan = run_with(&project, &airy, "generate_plan", args)
        .await
        .unwrap();
    let args = json!({"plan_path": plan["plan_path"], "project_path": project.workspace});
    let error = run_with(&project, &airy, "generate_tasks", args)
        .await
        .unwrap_err();
    assert!(
        error.contains("in a circle: T001 -> T002 -> T001"),
        "{error}"
    );
    let folder = std::path::Path::new(spec["spec_path"].as_str().unwrap());
    assert!(!folder.with_file_name("tasks.md").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_wrote_or_changed_is_never_written_over() {
    let project = project().await;
    let args = json!({"feature_request": "Log in", "project_path": project.workspace});
    let spec = run(&project, "generate_spec", args.clone()).await.unwrap();
    let again = run(&project, "generate_spec", args).await.unwrap();
    assert_eq!(
        again["spec_number"], 2,
        "each specification has its own folder"
    );

    let args = json!({"spec_path": spec["spec_path"], "project_path": project.workspace});
    let plan = run(&project, "generate_plan", args.clone()).await.unwrap();
    run(&project, "generate_plan", args.clone()).await.unwrap();
    let path = plan["plan_path"].as_str().unwrap();
    fs::write(path, "# Mine\nall mine\n").unwrap();
    let error = run(&project, "generate_plan", args).await.unwrap_err();
    assert!(
        error.contains("plan.md: someone wrote or changed it, so it is not written over"),
        "{error}"
    );
    assert_eq!(fs::read_to_string(path).unwrap(), "# Mine\nall mine\n");
    let args = json!({"plan_path": path, "project_path": project.workspace});
    run(&project, "generate_tasks", args).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_with_the_reason() {
    let project = project().await;
    let path = &project.workspace;
    let outside = project.api.folder.path().join("outside.md");
    fs::write(&outside, "# Secret\nkeep\n").unwrap();
    symlink(&outside, path.join("link.md")).unwrap();
    fs::write(path.join("empty.md"), "").unwrap();
    fs::write(path.join("latin.md"), b"# gr\xfc\xdfe").unwrap();
    let spec = |spec: &str| {
        (
            "generate_plan",
            json!({"spec_path": spec, "project_path": path}),
        )
    };
    for ((name, args), problem) in [
        (spec("missing.md"), "missing.md: No such file"),
        (spec("../outside.md"), "it leads out of the project"),
        (
            spec(outside.to_str().unwrap()),
            "it leads out of the project",
        ),
        (spec("link.md"), "it leads out of the project"),
        (spec("empty.md"), "it is empty"),
        (spec("latin.md"), "it is no text in UTF-8"),
        (spec("src"), "is a folder"),
        (
            (
                "generate_spec",
                json!({"feature_request": " ", "project_path": path}),
            ),
            "argument feature_request: is empty",
        ),
        (
            ("generate_spec", json!({"feature_request": "x"})),
            "give project_path or project_id",
        ),
        (
            (
                "generate_spec",
                json!({"feature_request": "x", "project_id": 77}),
            ),
            "argument project_id: there is no project 77",
        ),
        (
            (
                "generate_spec",
                json!({"feature_request": "x", "project_path": "/nowhere"}),
            ),
            "argument project_path: \"/nowhere\" cannot be read",
        ),
        (
            (
                "generate_tasks",
                json!({"plan_path": "p.md", "project_path": path}),
            ),
            "p.md: No such file",
        ),
    ] {
        let error = run(&project, name, args.clone()).await.unwrap_err();
        assert!(error.contains(problem), "{name} {args}: {error}");
    }
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(elsewhere.path(), path.join(".specify")).unwrap();
    let args = json!({"feature_request": "x", "project_path": path});
    let error = run(&project, "generate_spec", args).await.unwrap_err();
    assert!(error.contains("it leads out of the project"), "{error}");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_many_bytes_reaches_the_engine_whole() {
    let project = project().await;
    let agent = agent(&project, &[TASKS]);
    let request = format!("{} the end", "much ".repeat(40_000));
    let args = json!({"feature_request": request, "project_path": project.workspace});
    let file = project.api.folder.path().join("args.json");
    fs::write(&file, args.to_string()).unwrap();
    let run = async |engine: &str| {
        let mut command = tokio::process::Command::new(crate::step_executable::program());
        command
            .args(["generate_spec", "--args", &format!("@{}", file.display())])
            .env("TASKSGODZILLA_DEFAULT_ENGINE_ID", engine)
            .env(scripted_agent::VARIABLE, agent.program());
        outcome(command).await
    };
    run("claude-code").await.unwrap();
    assert!(agent.asked().contains(request.trim_end()));
    let template = run("template").await.unwrap();
    let text = fs::read_to_string(template["spec_path"].as_str().unwrap()).unwrap();
    assert!(text.contains(request.trim_end()));
    let name = template["feature_name"].as_str().unwrap();
    assert!(name.len() <= 50, "{name}");

    project.script("prompts/spec-new.prompt.md", "echo '# never'");
    let error = run("shell").await.unwrap_err();
    assert!(
        error.contains("MILLWRIGHT_REQUEST is longer than 120000 bytes, and the engine shell"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_in_the_projects_own_files_is_named() {
    let project = project().await;
    let templates = project.workspace.join(".specify/templates");
    fs::create_dir_all(&templates).unwrap();
    let args = json!({"feature_request": "x", "project_path": project.workspace});
    let template = templates.join("spec-template.md");
    let outside = project.api.folder.path().join("outside.md");
    fs::write(&outside, "# Outside\n").unwrap();
    for (text, problem) in [
        (Some("no heading"), "spec-template.md: it has no heading"),
        (Some(""), "spec-template.md is empty"),
        (None, "spec-template.md: it leads out of the workspace"),
    ] {
        if let Some(text) = text {
            fs::write(&template, text).unwrap();
        } else {
            fs::remove_file(&template).unwrap();
            symlink(&outside, &template).unwrap();
        }
        let error = run(&project, "generate_spec", args.clone())
            .await
            .unwrap_err();
        assert!(error.contains(problem), "{error}");
    }
    fs::remove_file(&template).unwrap();
    fs::write(templates.join("tasks-template.md"), CIRCLE).unwrap();
    let spec = run(&project, "generate_spec", args).await.unwrap();
    let spec = spec["spec_path"].as_str().unwrap();
    let tasks = json!({"plan_path": spec, "project_path": project.workspace});
    let error = run(&project, "generate_tasks", tasks.clone())
        .await
        .unwrap_err();
    assert!(
        error.contains("tasks-template.md: tasks depend on each other in a circle"),
        "{error}"
    );
    fs::remove_file(templates.join("tasks-template.md")).unwrap();
    let context = std::path::Path::new(spec).with_file_name("_runtime/context.json");
    fs::write(&context, "{").unwrap();
    let error = run(&project, "generate_tasks", tasks).await.unwrap_err();
    assert!(error.contains("context.json: EOF while parsing"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_leave_one_plan_that_is_known() {
    let project = project().await;
    let args = json!({"feature_request": "x", "project_path": project.workspace});
    let spec = run(&project, "generate_spec", args).await.unwrap();
    let hints = |n: u32| json!({"spec_path": spec["spec_path"], "project_path": project.workspace, "tech_hints": format!("hint {n}")});
    let runs = (0..6).map(|n| run(&project, "generate_plan", hints(n)));
    for ended in futures_util::future::join_all(runs).await {
        ended.unwrap();
    }
    run(&project, "generate_plan", hints(7)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_has_its_worker_terminated_at_once_is_ended_too() {
    let project = project().await;
    // The signal comes while the worker is still starting the engine.
    project.script(
        "prompts/spec-new.prompt.md",
        "kill -TERM $PPID; echo $$ > child; exec sleep 600",
    );
    let args = json!({"feature_request": "x", "project_path": project.workspace});
    let mut command = command(&project, "generate_spec", &args);
    command.env("TASKSGODZILLA_DEFAULT_ENGINE_ID", "shell");
    let ended = command.output().await.unwrap();
    assert_eq!(ended.status.code(), Some(143));
    if let Ok(child) = fs::read_to_string(project.workspace.join("child")) {
        process_ends(&child).await;
    }
}
