//! The scripts that carry their step as WebAssembly: under bun and under node they do what the executable does.
//!
//! Always so: results, errors and logs are compared whole, and only ids, times and addresses are left out of them.

use std::collections::BTreeMap;
use std::fs;

use millwright_core::catalog::{Reach, scripts};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::api_fixture::Api;
use crate::protocol_fixture::{Project, checked_by, shell_step};
use crate::script_fixture::{FLOW, JAVASCRIPT, JOB, Runtime, rendered, signatures};
use crate::wait::until;

/// `value` without what differs between two runs of the same.
fn steady(value: Value, api: &Api) -> Value {
    let known = |text: &str| [JOB, FLOW].contains(&text);
    match value {
        Value::String(text) if uuid::Uuid::try_parse(&text).is_ok() && !known(&text) => "id".into(),
        Value::String(text) if is_time(&text) => "time".into(),
        Value::String(text) => {
            let folder = api.folder.path().to_string_lossy().into_owned();
            text.replace(&api.address, "API")
                .replace(&folder, "FOLDER")
                .into()
        }
        Value::Array(list) => list.into_iter().map(|one| steady(one, api)).collect(),
        Value::Object(object) => {
            let kept = object
                .into_iter()
                .filter(|(key, _)| key != "duration_seconds");
            let kept = kept.map(|(key, one)| (key, steady(one, api)));
            kept.collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

fn is_time(text: &str) -> bool {
    text.parse::<jiff::Timestamp>().is_ok() || text.parse::<jiff::civil::DateTime>().is_ok()
}

/// Calls of steps of one protocol, one after the other, and what came of them.
struct Story {
    project: Project,
    runtime: Runtime,
    told: Vec<Value>,
}

impl Story {
    async fn call(&mut self, step: &str, given: Value) -> Value {
        let address = self.project.api.address.clone();
        let variables = [("TASKSGODZILLA_API_URL", address.as_str())];
        let ran = self.runtime.run(step, &given, &variables).await;
        let errors = |line: &&str| !line.starts_with("error: ");
        let log: Vec<&str> = ran.log.lines().filter(errors).collect();
        let told = json!({
            "step": step, "well": ran.code == Some(0), "result": ran.result, "log": log,
        });
        self.told.push(steady(told, &self.project.api));
        ran.result
    }

    /// The step that is next, executed.
    async fn next(&mut self, protocol: &Value) -> Value {
        let claimed = self
            .call("protocol_select_next_step", protocol.clone())
            .await;
        let step = json!({"step_run_id": claimed["step_run_id"], "claim": claimed["claim"]});
        self.call("step_execute_api", step).await;
        json!({"step_run_id": claimed["step_run_id"], "gates": [], "claim": claimed["claim"]})
    }

    /// A protocol from its plan to a question about what failed in it, and the run that it was.
    async fn tell(runtime: Runtime) -> Vec<Value> {
        let project = Project::new().await;
        project
            .script("good.sh", "echo done")
            .script("check.sh", "echo 'VERDICT: PASS'")
            .script("bad.sh", "echo this is wrong >&2; exit 3");
        let good = shell_step("01-good", "good.sh", checked_by("check.sh"));
        let bad = shell_step("02-bad", "bad.sh", json!({}));
        let id = project.protocol(json!([good, bad])).await;
        let (told, protocol) = (Vec::new(), json!({"protocol_run_id": id}));
        let mut story = Self {
            project,
            runtime,
            told,
        };
        let run = json!({"step_run_id": 99, "params": {"a": "ü"}, "run_kind": null});
        story.call("emit_tasksgodzilla_codex_refs", run).await;
        let plan = json!({"protocol_run_id": id, "poll_interval_ms": 50});
        story.call("protocol_plan_and_wait", plan).await;
        let good = story.next(&protocol).await;
        story.call("step_run_qa_api", good).await;
        story.next(&protocol).await;
        let ask = json!({"action": "clarify", "protocol_run_id": id});
        story.call("handle_feedback", ask).await;
        story.call("spec_audit", json!({})).await;
        let error = json!({"run_id": JOB, "status": "failed", "error": {"message": "it broke"}});
        story.call("finish_tasksgodzilla_codex_run", error).await;
        let api = &story.project.api;
        let run = api.get(&format!("/codex/runs/{JOB}")).await.json();
        let run = steady(run, api);
        story.told.push(run);
        story.told
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(wasm_module),
    ignore = "the modules are not built: run `make wasm`"
)]
async fn a_protocol_comes_to_the_same_end_whatever_runs_its_steps() {
    let expected = Story::tell(Runtime::Executable).await;
    assert!(
        expected
            .iter()
            .any(|told| told["result"]["name"] == "StepFailed"),
        "{expected:#?}"
    );
    for runtime in JAVASCRIPT {
        let told = Story::tell(runtime).await;
        for (told, expected) in told.iter().zip(&expected) {
            assert_eq!(told, expected, "{runtime:?}");
        }
    }
}

/// What a server says to everyone, before it closes the connection.
async fn says(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = [0; 4096];
            drop(connection.read(&mut request).await);
            drop(connection.write_all(answer.as_bytes()).await);
        }
    });
    address
}

const PAGE: &str = "HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\ncontent-length: 19\r\nconnection: close\r\n\r\n<h1>no upstream</h1";
const MOVED: &str = "HTTP/1.1 302 Found\r\nlocation: https://elsewhere.example/x?token=hush\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const CUT: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"id\":";

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(wasm_module),
    ignore = "the modules are not built: run `make wasm`"
)]
async fn what_is_wrong_is_told_in_the_same_words() {
    let api = Project::new().await.api;
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let (page, moved, cut) = (says(PAGE).await, says(MOVED).await, says(CUT).await);
    let select = "protocol_select_next_step";
    let one = json!({"protocol_run_id": 1});
    let api = api.address.as_str();
    let cases = [
        (
            select,
            json!({"protocol_run_id": 999}),
            vec![("TASKSGODZILLA_API_URL", api)],
        ),
        (select, json!({}), vec![]),
        (select, json!({"protocol_run_id": 1.5}), vec![]),
        (select, json!({"protocol_run_id": 1, "all": [1]}), vec![]),
        ("handle_feedback", json!({"action": "shout"}), vec![]),
        (
            "finish_tasksgodzilla_codex_run",
            json!({"status": "running"}),
            vec![],
        ),
        (
            "emit_tasksgodzilla_codex_refs",
            json!({}),
            vec![("WM_JOB_ID", "no-uuid")],
        ),
        (
            select,
            one.clone(),
            vec![("TASKSGODZILLA_API_URL", "http://me:hush@here")],
        ),
        (
            select,
            one.clone(),
            vec![("TASKSGODZILLA_API_TOKEN", "two words")],
        ),
        (
            select,
            one.clone(),
            vec![("TASKSGODZILLA_API_URL", &closed)],
        ),
        (select, one.clone(), vec![("DEVGODZILLA_API_URL", &page)]),
        (select, one.clone(), vec![("TASKSGODZILLA_API_URL", &moved)]),
        (select, one.clone(), vec![("TASKSGODZILLA_API_URL", &cut)]),
        (
            select,
            one,
            vec![("TASKSGODZILLA_API_URL", "http://nowhere.invalid")],
        ),
    ];
    for (step, given, variables) in cases {
        let expected = Runtime::Executable.run(step, &given, &variables).await;
        assert_ne!(expected.code, Some(0), "{step} {given} {variables:?}");
        for runtime in JAVASCRIPT {
            let ran = runtime.run(step, &given, &variables).await;
            assert_eq!(
                ran.result, expected.result,
                "{runtime:?} {step} {given} {variables:?}"
            );
            assert!(!ran.log.contains("hush"), "{}", ran.log);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(wasm_module),
    ignore = "the modules are not built: run `make wasm`"
)]
async fn a_script_that_is_ended_cancels_what_it_waits_for() {
    for runtime in JAVASCRIPT {
        let project = Project::new().await;
        project.script("slow.sh", "echo begun > begun; exec sleep 600");
        let id = project
            .planned(json!([shell_step("01-slow", "slow.sh", json!({}))]))
            .await;
        let step = project.next(id, "someone").await;
        let given = json!({"step_run_id": step.step, "claim": step.claim});
        let address = project.api.address.as_str();
        let started = runtime.start(
            "step_execute_api",
            &given,
            &[("TASKSGODZILLA_API_URL", address)],
        );
        project.appears("begun").await;
        let process = started
            .child
            .id()
            .and_then(|id| Pid::from_raw(id.try_into().ok()?));
        kill_process(process.unwrap(), Signal::TERM).unwrap();
        let output = started.child.wait_with_output().await.unwrap();
        assert_eq!(output.status.code(), Some(143), "{runtime:?}: {output:?}");
        until("the execution is cancelled", async || {
            let story = project.story(id).await;
            story
                .iter()
                .any(|event| event.contains("cancel"))
                .then_some(())
        })
        .await;
    }
}

#[test]
#[cfg_attr(
    not(wasm_module),
    ignore = "the modules are not built: run `make wasm`"
)]
fn windmills_own_reader_makes_the_catalogs_form_of_each_signature() {
    let alone = scripts::all()
        .into_iter()
        .filter(|script| script.reach == Reach::Api);
    let alone: Vec<_> = alone.collect();
    let files = alone
        .iter()
        .map(|script| rendered().join(format!("{}.ts", script.name)));
    let read = signatures(files);
    for (script, read) in alone.iter().zip(read.as_array().unwrap()) {
        let form = script.metadata();
        let read = read["args"].as_array().unwrap();
        assert_eq!(read.len(), script.arguments.len());
        for (argument, read) in script.arguments.iter().zip(read) {
            let what = format!("{} {}: {read}", script.name, argument.name);
            assert_eq!(read["name"], argument.name, "{what}");
            assert_eq!(read["has_default"], !argument.required, "{what}");
            let property = &form["schema"]["properties"][argument.name];
            assert_eq!(read["default"], property["default"], "{what}");
            let choices = property["oneOf"].as_array().map(Vec::len);
            assert_eq!(
                read["typ"]["str"].as_array().map(Vec::len),
                choices,
                "{what}"
            );
        }
    }
}

#[test]
#[cfg_attr(
    not(wasm_module),
    ignore = "the modules are not built: run `make wasm`"
)]
fn a_script_is_small_enough_for_a_workspace() {
    let mut sizes = BTreeMap::new();
    for script in scripts::all() {
        let typed = rendered().join(format!("{}.ts", script.name));
        let bash = typed.with_extension("sh");
        assert_ne!(
            typed.exists(),
            bash.exists(),
            "{} has one packaging",
            script.name
        );
        assert_eq!(typed.exists(), script.reach == Reach::Api);
        if let Ok(text) = fs::read_to_string(typed) {
            let module = text.rsplit_once("MODULE = \"").unwrap().1;
            assert!(
                text.len() <= 200_000,
                "{} has {} bytes",
                script.name,
                text.len()
            );
            assert!(module.len() * 3 / 4 <= 130_000, "{}", module.len());
            sizes.insert(script.name, text.len());
        }
    }
    assert_eq!(sizes.len(), 8, "{sizes:?}");
}
