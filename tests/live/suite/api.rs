//! A refs API on this machine that asks the server under test for its jobs.
//!
//! Always so: it is gone with the fixture, and so is its database.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use millwright_core::refs::JobId;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Live, Said};

/// A refs API.
pub(super) struct Api<'a> {
    live: &'a Live,
    child: Child,
    /// Where this machine reaches it.
    pub(super) url: String,
    port: u16,
    pub(super) folder: TempDir,
    http: reqwest::Client,
}

impl<'a> Api<'a> {
    /// Serves on an address of this machine.
    pub(super) fn serve(live: &'a Live, address: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listen = format!("{address}:0");
        let mut command = live.command(&["serve", "--listen", &listen, "--port-file", "port"]);
        let command = command.current_dir(folder.path()).stdout(Stdio::piped());
        if !address.starts_with("127.") {
            // Nobody is let in from elsewhere without one.
            command.env("TASKSGODZILLA_API_TOKEN", live.api_token());
        }
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut first = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut first).unwrap();
        let port = first
            .trim()
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| panic!("it does not say where it listens: {first:?}"));
        Self {
            live,
            child,
            url: format!("http://127.0.0.1:{port}"),
            port,
            folder,
            http: reqwest::Client::new(),
        }
    }

    /// Its address, as a machine is reached that has this name.
    pub(super) fn as_seen_at(&self, host: &str) -> String {
        format!("http://{host}:{}", self.port)
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        self.answer(self.http.get(format!("{}{path}", self.url)))
            .await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.url));
        self.answer(request.json(body)).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Value {
        let answer = request.bearer_auth(self.live.api_token()).send().await;
        let answer = answer.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{status}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.live.command(arguments);
        command
            .env("TASKSGODZILLA_API_URL", &self.url)
            .env("TASKSGODZILLA_API_TOKEN", self.live.api_token());
        command
    }

    /// Runs a command that asks this API, and ends with this code.
    pub(super) async fn ends(&self, exit: i32, arguments: &[&str]) -> Said {
        self.live.run(exit, self.command(arguments)).await
    }

    /// Runs a command that asks this API, and may find something wrong.
    pub(super) async fn ends_somehow(&self, arguments: &[&str]) -> Said {
        self.live.run_to_its_end(self.command(arguments)).await
    }

    /// Waits until a protocol is planned.
    pub(super) async fn until_planned(&self, protocol: i64) {
        let path = format!("/protocols/{protocol}");
        self.live
            .until("the protocol is planned", async || {
                (self.get(&path).await["status"] == "planned").then_some(())
            })
            .await;
    }

    /// Registers a run by its job, with artifacts such as `windmill.result`.
    pub(super) async fn register(&self, run: &str, job: JobId, artifacts: &[&str]) {
        let refer = |resource: &str| format!("windmill://job/{job}/{resource}");
        let wish = json!({"job_type": "live", "run_id": run, "log_path": refer("logs")});
        self.post("/codex/runs/start", &wish).await;
        for name in artifacts {
            let kind = name.rsplit('.').next().unwrap_or_default();
            let artifact = json!({"name": name, "kind": kind, "path": refer(kind)});
            self.post(&format!("/codex/runs/{run}/artifacts/upsert"), &artifact)
                .await;
        }
    }
}

impl Drop for Api<'_> {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
