//! `jobs/run_wait_result/f` and `…/p`: starts a flow or a script and answers its result.
//!
//! Always so: a flow's `early_return` is answered as soon as that step has ended, and the flow goes on; a job whose caller
//! has gone is cancelled.

use std::collections::HashMap;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use millwright_core::refs::JobId;
use serde_json::Value;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::error::RouteError;
use super::run::{RunQuery, Sent, flow_at, start_flow, start_script};
use crate::mill::{Change, Event, Mill, USER};
use crate::store::jobs::{self, Cancellation};

/// How long a caller waits; Windmill's own limit.
const LONGEST: Duration = Duration::from_mins(10);

/// `POST jobs/run_wait_result/f/{path}`: the result of the flow or, where it has an `early_return`, of that step.
pub(super) async fn run_flow(
    State(mill): State<Mill>,
    Path((_, path)): Path<(String, String)>,
    Query(how): Query<RunQuery>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, RouteError> {
    let flow = flow_at(&mill, &path)?;
    let early = flow.value.early_return.clone();
    let events = mill.watch();
    let sent = Sent::new(query, headers, body);
    let started = start_flow(&mill, &path, flow, &how, sent).await?;
    result_of(&mill, started.job, early, events).await
}

/// `POST jobs/run_wait_result/p/{path}`: the result of the script.
pub(super) async fn run_script(
    State(mill): State<Mill>,
    Path((_, path)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, RouteError> {
    let events = mill.watch();
    let started = start_script(&mill, &path, &body).await?;
    result_of(&mill, started.job, None, events).await
}

async fn result_of(
    mill: &Mill,
    job: JobId,
    early: Option<String>,
    events: Receiver<Event>,
) -> Result<Response, RouteError> {
    let mut caller = Caller {
        mill: mill.clone(),
        job,
        has_answer: false,
    };
    let waited = tokio::time::timeout(LONGEST, first_result(mill, job, early, events));
    let too_long = || RouteError::internal(format_args!("timeout after {}s", LONGEST.as_secs()));
    let (result, success) = waited.await.map_err(|_| too_long())??;
    caller.has_answer = true;
    response_of(result, success)
}

/// The result of a step that answers early, or of the job.
async fn first_result(
    mill: &Mill,
    job: JobId,
    early: Option<String>,
    mut events: Receiver<Event>,
) -> Result<(Value, bool), RouteError> {
    loop {
        let step = early.clone();
        let found = mill.store().read(move |connection| {
            let step = step.as_deref();
            match step.map(|step| jobs::result_of_step(connection, job, step)) {
                Some(Ok(Some(found))) => Ok(Some(found)),
                Some(Err(error)) => Err(error),
                _ => jobs::result_of(connection, job),
            }
        });
        if let Some(found) = found.await? {
            return Ok(found);
        }
        loop {
            match events.recv().await {
                Ok(event) if event.root != job || !matches!(event.change, Change::Ended { .. }) => {
                }
                Ok(_) | Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return Err(RouteError::internal("the mill has ended")),
            }
        }
    }
}

/// Who waits for a job.
struct Caller {
    mill: Mill,
    job: JobId,
    has_answer: bool,
}

impl Drop for Caller {
    fn drop(&mut self) {
        if self.has_answer {
            return;
        }
        let (mill, job) = (self.mill.clone(), self.job);
        let wish = Cancellation {
            by: USER.to_owned(),
            reason: "http connection broke".to_owned(),
        };
        // Where that cannot be noted, the job goes on.
        tokio::spawn(async move { drop(mill.cancel(job, wish).await) });
    }
}

/// The result as an answer: `windmill_status_code`, `windmill_content_type` and `windmill_headers` in it say how.
fn response_of(mut result: Value, success: bool) -> Result<Response, RouteError> {
    let named = |name: &str| result.get(name).filter(|value| !value.is_null()).cloned();
    let status = named("windmill_status_code");
    let content_type = named("windmill_content_type");
    let headers = named("windmill_headers");
    let failed = if success {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    if status.is_none() && content_type.is_none() && headers.is_none() {
        return Ok((failed, Json(result)).into_response());
    }
    let body = named("result");
    let status = match status {
        Some(code) => code_of(&code)?,
        None if success && body.is_none() => StatusCode::NO_CONTENT,
        None => failed,
    };
    let mut sent = headers_of(headers.as_ref())?;
    let body = result.get_mut("result").map(Value::take);
    Ok(match (content_type, body.filter(|body| !body.is_null())) {
        (Some(kind), body) => {
            let kind = kind
                .as_str()
                .and_then(|kind| HeaderValue::from_str(kind).ok());
            let kind = kind.ok_or_else(|| RouteError::internal("Invalid content type"))?;
            sent.insert(CONTENT_TYPE, kind);
            let text = match body {
                Some(Value::String(text)) => text,
                other => other.map_or_else(String::new, |body| body.to_string()),
            };
            (status, sent, text).into_response()
        }
        (None, Some(body)) => (status, sent, Json(body)).into_response(),
        (None, None) => (status, sent).into_response(),
    })
}

fn code_of(code: &Value) -> Result<StatusCode, RouteError> {
    let code = code.as_u64().and_then(|code| u16::try_from(code).ok());
    let code = code.and_then(|code| StatusCode::from_u16(code).ok());
    code.ok_or_else(|| RouteError::internal("Invalid status code"))
}

fn headers_of(headers: Option<&Value>) -> Result<HeaderMap, RouteError> {
    let mut sent = HeaderMap::new();
    for (name, value) in headers.and_then(Value::as_object).into_iter().flatten() {
        let bad = || RouteError::internal(format_args!("Invalid header {name}"));
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        let value = value
            .as_str()
            .and_then(|value| HeaderValue::from_str(value).ok());
        sent.insert(key, value.ok_or_else(bad)?);
    }
    Ok(sent)
}
