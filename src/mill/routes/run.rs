//! `jobs/run/f` and `jobs/run/p`: starts a flow or a script.
//!
//! Always so: the job is in the database before its id is answered.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use millwright_core::openflow::Flow;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::RouteError;
use crate::mill::{Mill, MillError, Started};

type Answer = Result<(StatusCode, String), RouteError>;

/// How a flow is started.
#[derive(Debug, Deserialize)]
pub(super) struct RunQuery {
    #[serde(default)]
    skip_preprocessor: bool,
}

/// What a caller sent.
pub(super) struct Sent {
    query: HashMap<String, String>,
    headers: HeaderMap,
    body: Bytes,
}

/// `POST jobs/run/f/{path}` with the inputs as a JSON object: answers the job's id.
pub(super) async fn run_flow(
    State(mill): State<Mill>,
    Path((_, path)): Path<(String, String)>,
    Query(how): Query<RunQuery>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let flow = flow_at(&mill, &path)?;
    let sent = Sent::new(query, headers, body);
    let started = start_flow(&mill, &path, flow, &how, sent).await?;
    Ok((StatusCode::CREATED, started.job.to_string()))
}

/// `POST jobs/run/p/{path}` with the arguments as a JSON object: answers the job's id.
pub(super) async fn run_script(
    State(mill): State<Mill>,
    Path((_, path)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let started = start_script(&mill, &path, &body).await?;
    Ok((StatusCode::CREATED, started.job.to_string()))
}

/// The flow at a path.
pub(super) fn flow_at(mill: &Mill, path: &str) -> Result<Flow, RouteError> {
    mill.flow_at(path)
        .map_err(|error| refusal(error, "flow", path))
}

/// Starts a flow, with its preprocessor first where it has one.
pub(super) async fn start_flow(
    mill: &Mill,
    path: &str,
    flow: Flow,
    how: &RunQuery,
    sent: Sent,
) -> Result<Started, RouteError> {
    let args = args_of(&sent.body)?;
    let preprocesses = flow.value.preprocessor_module.is_some() && !how.skip_preprocessor;
    let started = if preprocesses {
        mill.run_flow_with_sent(path, flow, sent.event(&args)).await
    } else {
        mill.run_flow(Some(path), flow, args).await
    };
    started.map_err(|error| refusal(error, "flow", path))
}

/// Starts a script.
pub(super) async fn start_script(
    mill: &Mill,
    path: &str,
    body: &[u8],
) -> Result<Started, RouteError> {
    let started = mill.run_script_at(path, args_of(body)?).await;
    started.map_err(|error| refusal(error, "script", path))
}

impl Sent {
    pub(super) fn new(query: HashMap<String, String>, headers: HeaderMap, body: Bytes) -> Self {
        Self {
            query,
            headers,
            body,
        }
    }

    /// What a preprocessor gets: the whole request, as `event`. Who called and with what token is left out.
    fn event(&self, body: &Map<String, Value>) -> Map<String, Value> {
        let headers = self
            .headers
            .iter()
            .filter(|(name, _)| *name != "authorization");
        let headers: HashMap<&str, &str> = headers
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
            .collect();
        let event = json!({
            "kind": "webhook",
            "body": body,
            "raw_string": null,
            "query": self.query,
            "headers": headers,
        });
        Map::from_iter([("event".to_owned(), event)])
    }
}

fn args_of(body: &[u8]) -> Result<Map<String, Value>, RouteError> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(body).map_err(RouteError::bad_request)
}

fn refusal(error: MillError, what: &str, path: &str) -> RouteError {
    match error {
        MillError::Missing { .. } | MillError::BadPath(_) => {
            RouteError::not_found(format_args!("{what} not found at name {path}"))
        }
        MillError::Store(error) => error.into(),
        MillError::System(_) => RouteError::internal(error),
        error => RouteError::bad_request(error),
    }
}
