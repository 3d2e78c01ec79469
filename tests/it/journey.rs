//! A user's way through a protocol: `millwright serve` as a process, a project on disk, and flows by `millwright run`.
//!
//! Always so: nothing is reached but by the commands and the API, and no server or flow outlives the journey.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::api_fixture::client;
use crate::process::{Process, millwright};
use crate::protocol_fixture::write_script;
use crate::wait::until;

/// The protocol run; the one before it sets the project up.
const PROTOCOL: &str = "2";

/// A planned protocol, and the server that knows it.
pub(crate) struct Journey {
    server: Process,
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// What became of a flow.
#[derive(Debug, Clone)]
pub(crate) struct Ran {
    pub(crate) succeeded: bool,
    /// Its result, or its error.
    pub(crate) result: Value,
}

impl Journey {
    /// Plans a protocol of these steps, in a project with these files, of which those named `*.sh` are programs.
    pub(crate) async fn begin(files: &[(&str, &str)], steps: Value) -> Self {
        Self::told(files, steps, &[]).await
    }

    /// The same, where the server and every flow find these variables in their environment.
    pub(crate) async fn told(
        files: &[(&str, &str)],
        steps: Value,
        variables: &[(&str, &str)],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables: Vec<(String, String)> = variables.iter().map(own).collect();
        let journey = Self {
            server: serve(folder.path(), &variables),
            folder,
            variables,
        };
        let workspace = journey.workspace();
        for (name, text) in files {
            write(&workspace, name, text);
        }
        let project = json!({"name": "demo", "local_path": workspace});
        journey.post("/projects", &project).await;
        let spec = json!({"steps": steps});
        let protocol = json!({
            "protocol_name": "0001-demo", "template_config": {"protocol_spec": spec},
        });
        journey.post("/projects/1/protocols", &protocol).await;
        let planned = journey.flow("protocol_start").await;
        assert!(planned.succeeded, "{planned:?}");
        journey
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// What a file of the workspace holds.
    pub(crate) fn read(&self, name: &str) -> String {
        let read = fs::read_to_string(self.workspace().join(name));
        read.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Runs a flow on the protocol to its end.
    pub(crate) async fn flow(&self, name: &str) -> Ran {
        Self::ended(self.spawn(name)).await
    }

    /// Begins a flow.
    pub(crate) fn spawn(&self, name: &str) -> Child {
        let flow = format!("f/devgodzilla/{name}");
        let input = format!("protocol_run_id={PROTOCOL}");
        let mut command = self.command(&["run", &flow, "-i", &input, "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true).spawn().unwrap()
    }

    /// What becomes of a flow that was begun.
    pub(crate) async fn ended(flow: Child) -> Ran {
        let output = flow.wait_with_output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let result = serde_json::from_str(&text);
        Ran {
            succeeded: output.status.success(),
            result: result.unwrap_or_else(|error| panic!("{error}: {text}\n{stderr}")),
        }
    }

    /// Runs `run_next_step` until no step can be run, and gives what came of each round but that last one.
    pub(crate) async fn to_the_end(&self) -> Vec<Ran> {
        let mut rounds = Vec::new();
        loop {
            let round = self.flow("run_next_step").await;
            // A selection of nothing.
            if round.result["step_run_id"].is_null() && round.result["message"].is_string() {
                return rounds;
            }
            rounds.push(round);
            assert!(rounds.len() < 30, "it does not end: {rounds:?}");
        }
    }

    /// What `millwright protocol` says to these words.
    pub(crate) async fn protocol(&self, words: &[&str]) -> String {
        let words = [&["protocol"][..], words].concat();
        let output = self.command(&words).output().await.unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What happened, as `millwright protocol events` tells.
    pub(crate) async fn events(&self) -> Vec<Value> {
        let told = self.protocol(&["events", PROTOCOL, "--json"]).await;
        let events = told.lines().map(serde_json::from_str);
        events.collect::<Result<_, _>>().unwrap()
    }

    /// What happened, in order, without what was only going to happen.
    pub(crate) async fn story(&self) -> Vec<String> {
        let events = self.events().await;
        let names = events
            .iter()
            .map(|event| event["event_type"].as_str().unwrap().to_owned());
        names.filter(|name| !name.ends_with("_enqueued")).collect()
    }

    /// The events of a type.
    pub(crate) async fn events_of(&self, event_type: &str) -> Vec<Value> {
        let mut events = self.events().await;
        events.retain(|event| event["event_type"] == event_type);
        events
    }

    /// The statuses of the steps, by index.
    pub(crate) async fn steps(&self) -> Vec<String> {
        let shown = self.shown().await;
        let status = |step: &Value| step["status"].as_str().unwrap().to_owned();
        shown["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(status)
            .collect()
    }

    /// The protocol's status.
    pub(crate) async fn status(&self) -> String {
        let shown = self.shown().await;
        shown["protocol"]["status"].as_str().unwrap().to_owned()
    }

    /// What the API has at a path.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.server.get(&client(), path).await
    }

    /// Ends the server by a signal, and starts another on the same database.
    pub(crate) async fn restarted_by(mut self, signal: Signal) -> Self {
        self.server.signal(signal);
        let server = Mutex::new(&mut self.server.child);
        until("the server has ended", async || {
            server.lock().unwrap().try_wait().unwrap()
        })
        .await;
        self.server = serve(self.folder.path(), &self.variables);
        self
    }

    async fn shown(&self) -> Value {
        let shown = self.protocol(&["show", PROTOCOL, "--json"]).await;
        serde_json::from_str(&shown).unwrap()
    }

    async fn post(&self, path: &str, body: &Value) {
        let url = format!("{}{path}", self.server.url);
        let answer = client().post(url).json(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {answer:?}");
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = millwright(self.folder.path(), words);
        command.env("TASKSGODZILLA_API_URL", &self.server.url);
        command.envs(self.variables.iter().cloned());
        command.into()
    }
}

fn serve(folder: &Path, variables: &[(String, String)]) -> Process {
    let mut command = Process::serving(folder);
    command.envs(variables.iter().cloned());
    Process::start(command)
}

fn write(workspace: &Path, name: &str, text: &str) {
    let path = workspace.join(name);
    if path.extension().is_some_and(|extension| extension == "sh") {
        return write_script(workspace, name, text);
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
