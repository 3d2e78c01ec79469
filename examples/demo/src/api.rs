//! The refs API, as any HTTP client sees it.
//!
//! Always so: an answer that is no success is an error with the server's own words.

use std::io::{BufRead, BufReader};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use ureq::Agent;
use ureq::http::Response;

use crate::report;

/// A client of one server.
pub(crate) struct Api {
    agent: Agent,
    url: String,
    authorization: String,
}

impl Api {
    /// A client of the server at `url`.
    pub(crate) fn new(url: &str, token: &str) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        Self {
            agent,
            url: url.to_owned(),
            authorization: format!("Bearer {token}"),
        }
    }

    /// What `path` holds.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.agent.get(format!("{}{path}", self.url));
        answer(
            request
                .header("authorization", &self.authorization)
                .call()?,
            path,
        )
    }

    /// The text that `path` holds.
    pub(crate) fn text(&self, path: &str) -> anyhow::Result<String> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let mut response = request
            .header("authorization", &self.authorization)
            .call()?;
        ensure!(
            response.status().is_success(),
            "{path} answered {}",
            response.status()
        );
        Ok(response.body_mut().read_to_string()?)
    }

    /// The answer to `body`, posted to `path`.
    pub(crate) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.agent.post(format!("{}{path}", self.url));
        answer(
            request
                .header("authorization", &self.authorization)
                .send_json(body)?,
            path,
        )
    }

    /// Prints a run's log as it comes, up to the run's end.
    pub(crate) fn follow_log(&self, run_id: &str) -> anyhow::Result<()> {
        let path = format!("/codex/runs/{run_id}/logs/stream");
        let request = self.agent.get(format!("{}{path}", self.url));
        let response = request
            .header("authorization", &self.authorization)
            .call()?;
        let mut event = String::new();
        for line in BufReader::new(response.into_body().into_reader()).lines() {
            let line = line?;
            if let Some(name) = line.strip_prefix("event:") {
                name.trim().clone_into(&mut event);
            } else if let Some(data) = line.strip_prefix("data:") {
                let data: Value = serde_json::from_str(data).context("an event is no JSON")?;
                match event.as_str() {
                    "log" => report::text(data["chunk"].as_str().unwrap_or_default()),
                    "end" => return Ok(()),
                    _ => {}
                }
            }
        }
        bail!("the log's stream ended without saying how the run ended")
    }
}

fn answer(mut response: Response<ureq::Body>, path: &str) -> anyhow::Result<Value> {
    let status = response.status();
    let body: Value = response
        .body_mut()
        .read_json()
        .with_context(|| format!("{path} answered no JSON"))?;
    if !status.is_success() {
        bail!("{path} answered {status}: {}", body["detail"]);
    }
    Ok(body)
}
