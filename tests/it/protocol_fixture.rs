//! A project on disk, its protocols in an API of its own, and a clock that tests set.
//!
//! Always so: what a test waits for is the end of an execution, never a span of time.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use millwright::server::{ServerOptions, WebhookOptions, WorkOptions};
use millwright::store::Timestamp;
use millwright_step::runner::Settings;
use serde_json::{Value, json};

use crate::api_fixture::{Answer, Api};
use crate::wait::until;

/// An API with one project, whose workspace is a folder.
pub(crate) struct Project {
    pub(crate) api: Api,
    pub(crate) id: i64,
    pub(crate) workspace: PathBuf,
    late: Arc<AtomicI64>,
}

/// A step that was claimed.
pub(crate) struct Claimed {
    pub(crate) step: i64,
    pub(crate) claim: String,
}

impl Project {
    /// A project without anything in it.
    pub(crate) async fn new() -> Self {
        Self::with(&json!({})).await
    }

    /// A project with more fields.
    pub(crate) async fn with(more: &Value) -> Self {
        Self::told(more, &[]).await
    }

    /// The same, with a server that finds these variables in its environment.
    pub(crate) async fn told(more: &Value, variables: &[(&str, &str)]) -> Self {
        let variable = |name: &str| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let settings = Settings::read(variable);
        let webhooks = WebhookOptions::read(variable);
        let late = Arc::new(AtomicI64::new(0));
        let clock = Arc::clone(&late);
        let api = Api::start_with(|folder| {
            let clock = move || Timestamp(Timestamp::now().0 + clock.load(Ordering::SeqCst));
            let work = WorkOptions {
                clock: Arc::new(clock),
                settings,
                ..WorkOptions::beside(&folder.join("test.db"))
            };
            ServerOptions {
                log_roots: vec![work.make_logs().unwrap()],
                work,
                webhooks,
                ..ServerOptions::default()
            }
        })
        .await;
        let workspace = api.folder.path().join("work");
        fs::create_dir(&workspace).unwrap();
        let mut body = json!({"name": "demo", "local_path": workspace});
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        let project = api.post("/projects", &body).await.expect(200);
        Self {
            id: project["id"].as_i64().unwrap(),
            api,
            workspace,
            late,
        }
    }

    /// Lets time pass for claims.
    pub(crate) fn later(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap();
        self.late.fetch_add(by, Ordering::SeqCst);
    }

    /// Writes an executable script.
    pub(crate) fn script(&self, name: &str, text: &str) -> &Self {
        write_script(&self.workspace, name, text);
        self
    }

    /// What a file of the workspace holds.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.workspace.join(name))
            .unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A protocol with a spec, not started.
    pub(crate) async fn protocol(&self, steps: Value) -> i64 {
        let body = json!({
            "protocol_name": "0001-demo",
            "template_config": {"protocol_spec": {"steps": steps}},
        });
        let path = format!("/projects/{}/protocols", self.id);
        let made = self.api.post(&path, &body).await.expect(200);
        made["id"].as_i64().unwrap()
    }

    /// The same, started and planned.
    pub(crate) async fn planned(&self, steps: Value) -> i64 {
        let id = self.protocol(steps).await;
        self.start(id).await;
        assert_eq!(self.status(id).await, "planned");
        id
    }

    /// Starts a protocol and waits until it is no longer being planned.
    pub(crate) async fn start(&self, protocol: i64) {
        self.action(protocol, "start").await.expect(200);
        until("the protocol is planned", async || {
            (self.status(protocol).await != "planning").then_some(())
        })
        .await;
    }

    pub(crate) async fn action(&self, protocol: i64, action: &str) -> Answer {
        let path = format!("/protocols/{protocol}/actions/{action}");
        self.api.post(&path, &json!({})).await
    }

    pub(crate) async fn status(&self, protocol: i64) -> String {
        let run = self.api.get(&format!("/protocols/{protocol}")).await;
        run.expect(200)["status"].as_str().unwrap().to_owned()
    }

    /// The statuses of the steps, by index.
    pub(crate) async fn steps(&self, protocol: i64) -> Vec<String> {
        let path = format!("/steps?protocol_run_id={protocol}");
        let steps = self.api.get(&path).await.expect(200);
        let status = |step: &Value| step["status"].as_str().unwrap().to_owned();
        steps.as_array().unwrap().iter().map(status).collect()
    }

    pub(crate) async fn events(&self, protocol: i64) -> Vec<Value> {
        let events = self.api.get(&format!("/protocols/{protocol}/events")).await;
        events.expect(200).as_array().unwrap().clone()
    }

    /// What happened, in order, without what was only going to happen, and without the making of a folder.
    pub(crate) async fn story(&self, protocol: i64) -> Vec<String> {
        let events = self.events(protocol).await;
        let name = |event: &Value| event["event_type"].as_str().unwrap().to_owned();
        let names = events.iter().map(name);
        names
            .filter(|name| !name.ends_with("_enqueued") && name != "setup_protocols_dir_created")
            .collect()
    }

    /// The first event of a type.
    pub(crate) async fn event(&self, protocol: i64, event_type: &str) -> Value {
        let events = self.events(protocol).await;
        let found = events
            .iter()
            .find(|event| event["event_type"] == event_type);
        found
            .unwrap_or_else(|| panic!("no {event_type} in {events:#?}"))
            .clone()
    }

    /// Asks for the next step in a holder's name.
    pub(crate) async fn select(&self, protocol: i64, holder: &str) -> Value {
        let path = format!("/protocols/{protocol}/actions/run_next_step");
        let body = json!({"holder": holder});
        self.api.post(&path, &body).await.expect(200)
    }

    /// The next step, which there is.
    pub(crate) async fn next(&self, protocol: i64, holder: &str) -> Claimed {
        let answer = self.select(protocol, holder).await;
        Claimed {
            step: answer["step_run_id"]
                .as_i64()
                .unwrap_or_else(|| panic!("no step: {answer}")),
            claim: answer["claim"].as_str().unwrap().to_owned(),
        }
    }

    /// Begins an execution and gives its id.
    pub(crate) async fn begin(&self, step: &Claimed, action: &str, mut body: Value) -> String {
        body["claim"] = step.claim.as_str().into();
        let path = format!("/steps/{}/actions/{action}", step.step);
        let begun = self.api.post(&path, &body).await.expect(202);
        assert_eq!(begun["step_run_id"], step.step);
        begun["execution_id"].as_str().unwrap().to_owned()
    }

    /// Waits for an execution's end.
    pub(crate) async fn ended(&self, execution: &str) -> Value {
        let path = format!("/executions/{execution}?wait=30");
        let execution = self.api.get(&path).await.expect(200);
        assert_ne!(execution["status"], "running", "{execution}");
        execution
    }

    pub(crate) async fn execute(&self, step: &Claimed) -> Value {
        let id = self.begin(step, "execute", json!({})).await;
        self.ended(&id).await
    }

    pub(crate) async fn qa(&self, step: &Claimed) -> Value {
        let id = self.begin(step, "qa", json!({})).await;
        self.ended(&id).await
    }

    /// Waits until a running script has written a file.
    pub(crate) async fn appears(&self, name: &str) {
        appears(&self.workspace.join(name)).await;
    }

    /// Waits until a process, whose id a script has written to a file, has ended.
    pub(crate) async fn process_ends(&self, pid_file: &str) {
        process_ends(&self.read(pid_file)).await;
    }
}

/// Writes an executable script into a folder.
pub(crate) fn write_script(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, format!("#!/bin/sh\nset -e\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Waits until a running script has written a line to a file, and gives it.
pub(crate) async fn appears(path: &Path) -> String {
    let line = async || {
        fs::read_to_string(path)
            .ok()
            .filter(|text| text.ends_with('\n'))
    };
    until(&format!("{} appears", path.display()), line).await
}

/// Waits until a process has ended.
pub(crate) async fn process_ends(pid: &str) {
    let stat = format!("/proc/{}/stat", pid.trim());
    let runs = || fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
    until(&format!("process {pid} ends"), async || {
        (!runs()).then_some(())
    })
    .await;
}

/// A step of a spec for the engine `shell`.
pub(crate) fn shell_step(id: &str, prompt: &str, more: Value) -> Value {
    let mut step = json!({
        "id": id, "engine_id": "shell", "prompt_ref": prompt, "qa": {"policy": "skip"},
    });
    let Value::Object(more) = more else {
        panic!("more keys are an object: {more}");
    };
    for (key, value) in more {
        step[key] = value;
    }
    step
}

/// What a step has that is checked in full by a prompt.
pub(crate) fn checked_by(prompt: &str) -> Value {
    json!({"qa": {"policy": "full", "prompt": prompt}})
}
