//! Runs with logs, and jobs of the mill that no mill runs.
//!
//! Always so: what is put together from parts is checked to be without a gap.

use std::time::Duration;

use millwright::server::ServerOptions;
use millwright::store::jobs;
use millwright_core::refs::JobId;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api_fixture::{Answer, Api};
use crate::windmill_double;

impl Api {
    /// An API that reads files below its folder, and asks a Windmill.
    pub(crate) async fn with(windmill: Option<&str>) -> Self {
        let windmill = windmill.map(|url| windmill_double::options(url, windmill_double::TOKEN));
        Self::start_with(|folder| ServerOptions {
            log_roots: vec![folder.to_owned()],
            windmill,
            reconcile_every: Some(Duration::ZERO),
            ..ServerOptions::default()
        })
        .await
    }

    pub(crate) async fn run_with_log(&self, run_id: &str, log_path: &str) {
        let run = json!({"job_type": "t", "run_id": run_id, "log_path": log_path});
        self.post("/codex/runs/start", &run).await.expect(200);
    }

    pub(crate) async fn run_of_job(&self, run_id: &str, job: JobId) {
        self.run_with_log(run_id, &format!("windmill://job/{job}/logs"))
            .await;
    }

    pub(crate) async fn artifact(&self, run_id: &str, name: &str, path: &str) -> String {
        let body = json!({"name": name, "kind": "x", "path": path});
        let artifact = self
            .post(&format!("/codex/runs/{run_id}/artifacts/upsert"), &body)
            .await
            .expect(200);
        format!("/codex/runs/{run_id}/artifacts/{}/content", artifact["id"])
    }

    pub(crate) async fn tail(&self, run_id: &str, offset: u64, more: &str) -> Value {
        self.get(&format!(
            "/codex/runs/{run_id}/logs/tail?offset={offset}{more}"
        ))
        .await
        .expect(200)
    }

    /// A log put together from its parts.
    pub(crate) async fn tail_through(&self, run_id: &str, most: u32) -> String {
        let (mut log, mut offset) = (String::new(), 0);
        loop {
            let tail = self
                .tail(run_id, offset, &format!("&max_bytes={most}"))
                .await;
            assert_eq!(tail["offset"], offset);
            log.push_str(tail["chunk"].as_str().unwrap());
            offset = tail["next_offset"].as_u64().unwrap();
            assert_eq!(offset, log.len() as u64);
            if tail["eof"] == true {
                return log;
            }
        }
    }

    /// The events of a stream, up to its end.
    pub(crate) async fn stream(
        &self,
        run_id: &str,
        more: &str,
        last_event_id: Option<u64>,
    ) -> Vec<Sent> {
        let path = format!("/codex/runs/{run_id}/logs/stream{more}");
        self.stream_of(&path, last_event_id).await
    }

    /// What a stream sends until it ends.
    pub(crate) async fn stream_of(&self, path: &str, last_event_id: Option<u64>) -> Vec<Sent> {
        let mut request = self.request(Method::GET, path);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let Answer {
            status,
            headers,
            text,
        } = self.send(request).await;
        assert_eq!(status, 200, "{text}");
        assert_eq!(headers["content-type"], "text/event-stream");
        text.split_terminator("\n\n")
            .filter(|frame| !frame.starts_with(':'))
            .map(Sent::parse)
            .collect()
    }
}

/// An event that was sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) event: String,
    pub(crate) id: Option<u64>,
    pub(crate) data: Value,
}

impl Sent {
    fn parse(frame: &str) -> Self {
        let field = |name: &str| {
            frame
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .map(str::trim)
        };
        Self {
            event: field("event:").unwrap_or_default().to_owned(),
            id: field("id:").map(|id| id.parse().unwrap()),
            data: serde_json::from_str(field("data:").unwrap()).unwrap(),
        }
    }
}

pub(crate) fn text_of(events: &[Sent]) -> String {
    let logs = events.iter().filter(|sent| sent.event == "log");
    logs.map(|sent| sent.data["chunk"].as_str().unwrap())
        .collect()
}

/// A job of the mill.
pub(crate) struct MillJob {
    pub(crate) id: JobId,
    pub(crate) flow_status: Option<Value>,
}

impl MillJob {
    pub(crate) fn new() -> Self {
        Self {
            id: JobId(Uuid::now_v7()),
            flow_status: None,
        }
    }

    pub(crate) async fn begin(&self, api: &Api) {
        let job = jobs::NewJob {
            id: self.id,
            workspace: "starter".into(),
            kind: if self.flow_status.is_some() {
                jobs::JobKind::Flow
            } else {
                jobs::JobKind::Script
            },
            state: jobs::JobState::Running,
            parent: None,
            root: self.id,
            step_id: None,
            path: None,
            script_hash: None,
            language: None,
            created_by: "me".into(),
            owner: "1:1".into(),
            args: "{}".into(),
            raw_flow: None,
            flow_status: self.flow_status.as_ref().map(Value::to_string),
        };
        api.app
            .store
            .write(move |connection| jobs::insert(connection, &job))
            .await
            .unwrap();
    }

    pub(crate) async fn log(&self, api: &Api, text: &str) {
        let (id, text) = (self.id, text.to_owned());
        api.app
            .store
            .write(move |connection| jobs::append_log(connection, id, &text))
            .await
            .unwrap();
    }

    pub(crate) async fn set_status(&self, api: &Api, status: &Value) {
        let (id, status) = (self.id, status.to_string());
        api.app
            .store
            .write(move |connection| jobs::set_flow_status(connection, id, &status))
            .await
            .unwrap();
    }

    pub(crate) async fn end(&self, api: &Api, success: bool, result: Value) {
        let id = self.id;
        let completion = jobs::Completion {
            success,
            skipped: false,
            result: result.to_string(),
            flow_status: None,
            log: String::new(),
        };
        api.app
            .store
            .write(move |connection| jobs::complete(connection, id, &completion))
            .await
            .unwrap();
    }
}
