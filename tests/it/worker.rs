//! Steps that a worker executes and checks itself: `execute_step` and `run_qa` as real processes.
//!
//! Always so: what came of a step is asked of the API, not of the worker alone.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::protocol_fixture::{Project, shell_step};
use crate::step_executable::program;
use crate::wait::until;

/// A step that is to be run on a worker.
pub(crate) fn command(project: &Project, name: &str, args: &Value) -> Command {
    let mut command = Command::new(program());
    command
        .arg(name)
        .arg("--args")
        .arg(args.to_string())
        .env("TASKSGODZILLA_API_URL", &project.api.address)
        .env("MILLWRIGHT_CACHE", project.api.folder.path().join("cache"))
        .env_remove("WM_JOB_ID")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

pub(crate) fn spawn(project: &Project, name: &str, args: &Value) -> Child {
    command(project, name, args).spawn().unwrap()
}

/// Runs a step to its end, as [`outcome`] does.
pub(crate) async fn run(project: &Project, name: &str, args: &Value) -> Result<Value, String> {
    outcome(command(project, name, args)).await
}

/// Runs a step to its end: its result, or, where it failed, its last message.
pub(crate) async fn outcome(mut command: Command) -> Result<Value, String> {
    let ended = command.output().await.unwrap();
    let stderr = String::from_utf8_lossy(&ended.stderr);
    if ended.status.success() {
        Ok(serde_json::from_slice(&ended.stdout).unwrap())
    } else {
        Err(stderr.lines().last().unwrap_or_default().to_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_executes_and_checks_by_the_steps_id() {
    let project = Project::new().await;
    project
        .script("work.sh", "echo \"for $MILLWRIGHT_CONTEXT\"")
        .script(
            "check.sh",
            "cat \"$MILLWRIGHT_OUTPUT\"; echo 'VERDICT: PASS'",
        );
    let qa = json!({"name": "01-work", "qa": {"policy": "full", "prompt": "check.sh"}});
    let protocol = project
        .planned(json!([shell_step("T001", "work.sh", qa)]))
        .await;
    let wanted = json!({"protocol_run_id": protocol, "step_id": "T001", "context": {"a": 1}});
    let executed = run(&project, "execute_step", &wanted).await.unwrap();
    assert_eq!(executed["status"], "success");
    assert_eq!(executed["output"], "for {\"a\":1}\n");
    assert_eq!(executed["executed_by"], "shell");
    assert_eq!(executed["step_status"], "needs_qa");
    assert_eq!(executed["artifacts"].as_array().unwrap().len(), 1);

    let qa = json!({"step_run_id": executed["step_run_id"], "claim": executed["claim"]});
    let checked = run(&project, "run_qa", &qa).await.unwrap();
    assert_eq!(checked["verdict"], "pass");
    assert_eq!(checked["step_status"], "completed");
    assert_eq!(project.status(protocol).await, "completed");
    assert_eq!(
        project.story(protocol).await,
        [
            "planned",
            "step_started",
            "step_completed",
            "qa_passed",
            "protocol_completed"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_execution_fails_the_worker_and_a_second_one_is_refused() {
    let project = Project::new().await;
    project.script("work.sh", "exit 5");
    let protocol = project
        .planned(json!([shell_step("a", "work.sh", json!({}))]))
        .await;
    let wanted = json!({"protocol_run_id": protocol, "step_id": "a"});
    let message = run(&project, "execute_step", &wanted).await.unwrap_err();
    assert!(message.ends_with("ended with exit code 5"), "{message}");
    assert_eq!(project.status(protocol).await, "blocked");
    let message = run(&project, "run_qa", &wanted).await.unwrap_err();
    assert!(message.contains("is failed: it cannot be"), "{message}");
    let unknown = json!({"protocol_run_id": protocol, "step_id": "b"});
    let message = run(&project, "execute_step", &unknown).await.unwrap_err();
    assert!(message.ends_with("has no step \"b\""), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_terminated_ends_its_engine_and_gives_the_step_back() {
    let project = Project::new().await;
    project.script("work.sh", "sleep 600 & echo $! > child; wait");
    let protocol = project
        .planned(json!([shell_step("a", "work.sh", json!({}))]))
        .await;
    let wanted = json!({"protocol_run_id": protocol, "step_id": "a"});
    let worker = spawn(&project, "execute_step", &wanted);
    project.appears("child").await;
    let id = i32::try_from(worker.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::TERM).unwrap();
    let ended = worker.wait_with_output().await.unwrap();
    assert_eq!(ended.status.code(), Some(143));
    project.process_ends("child").await;
    assert_eq!(project.steps(protocol).await, ["pending"]);
    assert_eq!(
        project.story(protocol).await,
        ["planned", "step_started", "step_execution_cancelled"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_engine_says_on_a_worker_is_kept_as_the_log_of_its_run_while_it_works() {
    let project = Project::new().await;
    project.script(
        "work.sh",
        "echo working; while [ ! -e go ]; do sleep 0.05; done; seq 1 20000; echo done",
    );
    let protocol = project
        .planned(json!([shell_step("a", "work.sh", json!({}))]))
        .await;
    let job = "0199d7a5-1111-4222-8333-444455556666";
    let folder = tempfile::tempdir().unwrap();
    let wanted = json!({"protocol_run_id": protocol, "step_id": "a"});
    let worker = command(&project, "execute_step", &wanted)
        .env("WM_JOB_ID", job)
        .env("WM_FLOW_JOB_ID", "0199d7a5-1111-4222-8333-444455557777")
        .current_dir(folder.path())
        .spawn()
        .unwrap();
    let log = format!("/codex/runs/{job}/logs?source=agent");
    until("the first line is kept", async || {
        let kept = project.api.get(&log).await.text;
        kept.contains("working\n").then_some(())
    })
    .await;
    std::fs::write(project.workspace.join("go"), "").unwrap();
    let ended = worker.wait_with_output().await.unwrap();
    assert!(ended.status.success());
    let kept = project.api.get(&log).await.text;
    let told = String::from_utf8(ended.stderr).unwrap();
    let numbers: Vec<String> = (1..=20_000).map(|number| number.to_string()).collect();
    assert!(kept.contains(&format!("working\n{}\ndone\n", numbers.join("\n"))));
    assert!(told.contains(&kept), "the job's log has all of it too");
    let run = project.api.get(&format!("/codex/runs/{job}")).await;
    let run = run.expect(200);
    assert_eq!(run["status"], "succeeded");
    assert_eq!(run["run_kind"], "devgodzilla.execute_step");
}
