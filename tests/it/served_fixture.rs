//! `millwright serve` as a process, with one protocol of one step.
//!
//! Always so: the protocol is planned, so that its step can be executed.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api_fixture::client;
use crate::process::Process;
use crate::protocol_fixture::{shell_step, write_script};
use crate::wait::until;

/// A server with a step.
pub(crate) struct Served {
    pub(crate) server: Process,
    folder: TempDir,
    client: reqwest::Client,
}

impl Served {
    /// A step that runs `script`, with more keys, in a server whose command is what `with` makes of it.
    pub(crate) async fn start(
        script: &str,
        more: Value,
        with: impl FnOnce(Command) -> Command,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let served = Self {
            server: Process::start(with(Process::serving(folder.path()))),
            client: client(),
            folder,
        };
        let workspace = served.workspace();
        write_script(&workspace, "work.sh", script);
        let project = json!({"name": "demo", "local_path": workspace});
        served.post("/projects", &project).await;
        let steps = [shell_step("01-work", "work.sh", more)];
        let protocol = json!({
            "protocol_name": "0001-demo", "template_config": {"protocol_spec": {"steps": steps}},
        });
        served.post("/projects/1/protocols", &protocol).await;
        served.post("/protocols/2/actions/start", &json!({})).await;
        until("the protocol is planned", async || {
            (served.status().await == "planned").then_some(())
        })
        .await;
        served
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.folder().join("work")
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.server.get(&self.client, path).await
    }

    /// The protocol's status.
    pub(crate) async fn status(&self) -> Value {
        self.get("/protocols/2").await["status"].clone()
    }

    /// Begins to execute the step.
    pub(crate) async fn execute(&self) -> String {
        let begun = self.post("/steps/1/actions/execute", &json!({})).await;
        begun["execution_id"].as_str().unwrap().to_owned()
    }

    /// An execution that has ended.
    pub(crate) async fn ended(&self, execution: &str) -> Value {
        let ended = self.get(&format!("/executions/{execution}?wait=30")).await;
        assert_ne!(ended["status"], "running", "{ended}");
        ended
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.client.post(format!("{}{path}", self.server.url));
        let answer = request.json(body).send().await.unwrap();
        answer.json().await.unwrap()
    }
}
