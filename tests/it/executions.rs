//! Executions over the API: engines, checks, gates, limits, logs, and stopping them.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api_fixture::client;
use crate::process::Process;
use crate::protocol_fixture::{
    Project, appears, checked_by, process_ends, shell_step, write_script,
};
use crate::wait::until;

#[tokio::test]
async fn a_failed_execution_fails_its_job_and_blocks_until_it_is_run_by_hand() {
    let project = Project::new().await;
    project.script(
        "work.sh",
        "test -f mended || { echo 'no way' >&2; exit 7; }; echo done",
    );
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    let step = project.next(protocol, "flow").await;
    let failed = project.execute(&step).await;
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["error"]["name"], "EngineFailed");
    let message = failed["error"]["message"].as_str().unwrap();
    assert!(message.ends_with("exit code 7: no way"), "{message}");
    assert_eq!(project.status(protocol).await, "blocked");
    assert_eq!(project.steps(protocol).await, ["failed"]);
    assert_eq!(
        project.select(protocol, "flow").await["step_run_id"],
        Value::Null
    );

    let path = format!("/steps/{}/actions/qa", step.step);
    let refused = project.api.post(&path, &json!({})).await.expect(409);
    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.ends_with("is failed: it cannot be checked"),
        "{detail}"
    );

    std::fs::write(project.workspace.join("mended"), "").unwrap();
    let path = format!("/steps/{}/actions/execute", step.step);
    let begun = project.api.post(&path, &json!({})).await.expect(202);
    let ended = project.ended(begun["execution_id"].as_str().unwrap()).await;
    assert_eq!(ended["result"]["status"], "completed", "{ended}");
    assert_eq!(project.status(protocol).await, "completed");
}

#[tokio::test]
async fn a_check_needs_a_clear_verdict() {
    for (script, verdict, error) in [
        ("echo 'VERDICT: PASS'", "passed", false),
        ("echo 'all PASS'", "failed", false),
        ("true", "failed", false),
        ("echo 'VERDICT: PASS'; exit 1", "failed", true),
    ] {
        let project = Project::new().await;
        project
            .script("work.sh", "echo x")
            .script("check.sh", script);
        let step = shell_step("01-work", "work.sh", checked_by("check.sh"));
        let protocol = project.planned(json!([step])).await;
        let step = project.next(protocol, "flow").await;
        project.execute(&step).await;
        let checked = project.qa(&step).await;
        assert_eq!(checked["result"]["verdict"], verdict, "{script}: {checked}");
        let story = project.story(protocol).await;
        assert_eq!(story.contains(&"qa_error".to_owned()), error, "{script}");
        let blocked = project.status(protocol).await == "blocked";
        assert_eq!(blocked, verdict == "failed", "{script}");
    }
}

#[tokio::test]
async fn gates_run_where_the_project_has_a_command_and_are_skipped_elsewhere() {
    let gates = json!({"gates": {"lint": "exit 0", "test": "echo broken >&2; exit 1"}});
    let project = Project::with(&json!({"policy_overrides": gates})).await;
    project
        .script("work.sh", "echo x")
        .script("check.sh", "echo 'VERDICT: PASS'");
    let step = shell_step("01-work", "work.sh", checked_by("check.sh"));
    let protocol = project.planned(json!([step])).await;
    let step = project.next(protocol, "flow").await;
    project.execute(&step).await;

    let path = format!("/steps/{}/actions/qa", step.step);
    let body = json!({"claim": step.claim, "gates": ["lint", "spelling"]});
    let refused = project.api.post(&path, &body).await.expect(400);
    let detail = refused["detail"].as_str().unwrap();
    assert_eq!(
        detail,
        "\"spelling\" is no gate: use one of lint, type, test"
    );

    let all = json!({"gates": ["lint", "type", "test"]});
    let execution = project.begin(&step, "qa", all).await;
    let result = project.ended(&execution).await["result"].clone();
    assert_eq!(result["verdict"], "failed");
    let gates = result["gates"].as_array().unwrap();
    let statuses: Vec<_> = gates
        .iter()
        .map(|gate| (&gate["id"], &gate["status"]))
        .collect();
    assert_eq!(
        json!(statuses),
        json!([["lint", "passed"], ["type", "skipped"], ["test", "failed"]])
    );
    let message = gates[2]["findings"][0]["message"].as_str().unwrap();
    assert!(message.ends_with("exit code 1: broken"), "{message}");
}

#[tokio::test]
async fn a_prompt_that_is_missing_or_outside_fails_the_step_and_blocks() {
    for (prompt, reason) in [
        ("missing.sh", "there is no missing.sh"),
        ("../../../../bin/sh", "leads out of the workspace"),
        ("/bin/sh", "leads out of the workspace"),
    ] {
        let project = Project::new().await;
        let protocol = project
            .planned(json!([shell_step("01-work", prompt, json!({}))]))
            .await;
        let step = project.next(protocol, "flow").await;
        let failed = project.execute(&step).await;
        assert_eq!(failed["error"]["name"], "SpecInvalid");
        let message = failed["error"]["message"].as_str().unwrap();
        assert!(message.contains(reason), "{message}");
        assert_eq!(project.status(protocol).await, "blocked");
        let event = project.event(protocol, "spec_validation_error").await;
        assert_eq!(event["metadata"]["step"], "01-work");
    }
}

#[tokio::test]
async fn an_unknown_engine_is_named_with_those_that_there_are() {
    let project = Project::new().await;
    project.script("work.sh", "true");
    let step = shell_step("01-work", "work.sh", json!({"engine_id": "codex"}));
    let protocol = project.planned(json!([step])).await;
    let step = project.next(protocol, "flow").await;
    let failed = project.execute(&step).await;
    assert_eq!(
        failed["error"]["message"],
        "the engine codex is not known: this version has shell"
    );
    assert_eq!(project.status(protocol).await, "blocked");
}

#[tokio::test]
async fn an_execution_that_is_stopped_ends_its_processes_and_frees_its_step() {
    let project = Project::new().await;
    project.script("work.sh", "sleep 600 & echo $! > child; wait");
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    let step = project.next(protocol, "flow").await;
    let execution = project.begin(&step, "execute", json!({})).await;
    project.appears("child").await;
    let path = format!("/executions/{execution}/cancel");
    let stopped = project.api.post(&path, &json!({})).await.expect(200);
    assert_eq!(stopped["status"], "cancelled");
    project.process_ends("child").await;
    assert_eq!(project.steps(protocol).await, ["pending"]);
    project.next(protocol, "another").await;
}

#[tokio::test]
async fn one_that_left_the_engines_group_ends_with_the_execution() {
    let project = Project::new().await;
    let leaves = "setsid sh -c 'echo $$ > child; exec sleep 600' &";
    let work = format!("{leaves} while [ ! -s child ]; do :; done; echo done");
    project.script("work.sh", &work);
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    let step = project.next(protocol, "flow").await;
    let ended = project.execute(&step).await;
    assert_eq!(ended["status"], "succeeded", "{ended}");
    project.process_ends("child").await;
}

#[tokio::test]
async fn cancelling_a_protocol_ends_what_runs_for_it() {
    let project = Project::new().await;
    project.script("work.sh", "sleep 600 & echo $! > child; wait");
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    let step = project.next(protocol, "flow").await;
    let execution = project.begin(&step, "execute", json!({})).await;
    project.appears("child").await;
    project.action(protocol, "cancel").await.expect(200);
    assert_eq!(project.ended(&execution).await["status"], "cancelled");
    project.process_ends("child").await;
    assert_eq!(project.steps(protocol).await, ["cancelled"]);
    assert_eq!(project.story(protocol).await.last().unwrap(), "cancelled");
}

#[tokio::test]
async fn a_time_limit_fails_the_step() {
    let project = Project::new().await;
    project.script("work.sh", "exec sleep 600");
    let step = shell_step("01-work", "work.sh", json!({"timeout_seconds": 1}));
    let protocol = project.planned(json!([step])).await;
    let step = project.next(protocol, "flow").await;
    let failed = project.execute(&step).await;
    assert_eq!(failed["error"]["name"], "TimedOut");
    assert_eq!(project.status(protocol).await, "blocked");
}

#[tokio::test]
async fn waiting_is_answered_when_the_time_is_over() {
    let project = Project::new().await;
    project.script(
        "work.sh",
        "while [ ! -f go ]; do sleep 0.05; done; echo done",
    );
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    let step = project.next(protocol, "flow").await;
    let execution = project.begin(&step, "execute", json!({})).await;
    let path = format!("/executions/{execution}?wait=1");
    assert_eq!(
        project.api.get(&path).await.expect(200)["status"],
        "running"
    );
    std::fs::write(project.workspace.join("go"), "").unwrap();
    assert_eq!(project.ended(&execution).await["status"], "succeeded");
    let log = project
        .api
        .folder
        .path()
        .join(format!("logs/executions/{execution}.log"));
    let log = std::fs::read_to_string(log).unwrap();
    assert_eq!(log, "done\nmillwright: executed, 5 bytes of output\n");
    project
        .api
        .get(&format!("/executions/{execution}?wait=61"))
        .await
        .expect(422);
    project.later(Duration::from_hours(1));
    assert_eq!(project.ended(&execution).await["status"], "succeeded");
}

#[tokio::test]
async fn the_log_of_a_flows_execution_is_an_artifact_of_the_flows_run() {
    let flow = "0f000000-0000-4000-8000-000000000001";
    let project = Project::new().await;
    project.script("work.sh", "echo working; echo aside >&2");
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    let run = json!({"run_id": "flow-run", "job_type": "windmill_run_next_step"});
    project
        .api
        .post("/codex/runs/start", &run)
        .await
        .expect(200);
    let path = "/codex/runs/flow-run/artifacts/upsert";
    let logs = json!({
        "name": "windmill.flow.logs", "kind": "log", "path": format!("windmill://job/{flow}/logs"),
    });
    project.api.post(path, &logs).await.expect(200);

    let step = project.next(protocol, flow).await;
    project.execute(&step).await;
    let listed = project
        .api
        .get("/codex/runs/flow-run/artifacts")
        .await
        .expect(200);
    let log = &listed[0];
    let name = log["name"].as_str().unwrap();
    assert!(
        name.starts_with(&format!("step.{}.execute.", step.step)),
        "{name}"
    );
    let path = format!("/codex/runs/flow-run/artifacts/{}/content", log["id"]);
    let content = project.api.get(&path).await;
    assert_eq!(content.status, 200, "{}", content.text);
    for line in [
        "working",
        "aside",
        "millwright: executed, 8 bytes of output",
    ] {
        assert!(
            content.text.lines().any(|found| found == line),
            "{}",
            content.text
        );
    }
}

/// A server that is a process, in a folder whose one step is being executed.
struct Busy {
    folder: TempDir,
    client: reqwest::Client,
    server: Process,
    execution: String,
    engine: String,
}

impl Busy {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().join("work");
        let script = "if [ -f child ]; then echo done; else sleep 600 & echo $! > child; wait; fi";
        write_script(&workspace, "work.sh", script);
        let mut busy = Self {
            server: Process::serve(folder.path()),
            client: client(),
            folder,
            execution: String::new(),
            engine: String::new(),
        };
        let project = json!({"name": "demo", "local_path": workspace});
        busy.post("/projects", &project).await;
        let steps = [shell_step("01-work", "work.sh", json!({}))];
        let protocol = json!({
            "protocol_name": "0001-demo", "template_config": {"protocol_spec": {"steps": steps}},
        });
        busy.post("/projects/1/protocols", &protocol).await;
        busy.post("/protocols/2/actions/start", &json!({})).await;
        until("the protocol is planned", async || {
            (busy.get("/protocols/2").await["status"] == "planned").then_some(())
        })
        .await;
        busy.execution = busy.execute().await;
        busy.engine = appears(&workspace.join("child")).await;
        busy
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.client.post(format!("{}{path}", self.server.url));
        let answer = request.json(body).send().await.unwrap();
        answer.json().await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        self.server.get(&self.client, path).await
    }

    async fn execute(&self) -> String {
        let begun = self.post("/steps/1/actions/execute", &json!({})).await;
        begun["execution_id"].as_str().unwrap().to_owned()
    }

    /// Ends the server by a signal and starts another.
    async fn ended_by(mut self, signal: Signal) -> Self {
        self.server.signal(signal);
        self.server.child.wait().unwrap();
        self.server = Process::serve(self.folder.path());
        process_ends(&self.engine).await;
        self
    }

    async fn runs_again(&self) {
        let again = self.execute().await;
        let ended = self.get(&format!("/executions/{again}?wait=30")).await;
        assert_eq!(ended["status"], "succeeded", "{ended}");
        assert_eq!(self.get("/protocols/2").await["status"], "completed");
    }
}

#[tokio::test]
async fn a_server_that_was_killed_leaves_no_engine_and_the_step_runs_again() {
    let busy = Busy::start().await.ended_by(Signal::KILL).await;
    let lost = busy.get(&format!("/executions/{}", busy.execution)).await;
    assert_eq!(lost["error"]["name"], "ExecutionLost", "{lost}");
    busy.runs_again().await;
}

#[tokio::test]
async fn a_server_that_is_told_to_end_stops_its_engines_and_the_step_runs_again() {
    let busy = Busy::start().await.ended_by(Signal::TERM).await;
    let stopped = busy.get(&format!("/executions/{}", busy.execution)).await;
    assert_eq!(stopped["status"], "cancelled", "{stopped}");
    busy.runs_again().await;
}
