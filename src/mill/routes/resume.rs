//! How people answer a flow that waits for them: `jobs_u/resume`, `jobs_u/cancel` and what belongs to them.
//!
//! Always so: an answer needs a signature or, where the flow itself is resumed, the API's token; it is on record before
//! it is answered.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use millwright_core::refs::JobId;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::form_urlencoded::byte_serialize;

use super::Context;
use super::error::{JobPath, RouteError};
use super::job::{JobView, view_of};
use crate::mill::USER;
use crate::mill::answers::{Signed, key_of};
use crate::store::StoreError;
use crate::store::jobs::{self, Resume};

/// `{workspace}`, `{id}`, `{resume_id}`, `{signature}`.
type Answering = Path<(String, JobId, u32, String)>;

#[derive(Debug, Deserialize)]
pub(super) struct AnswerQuery {
    approver: Option<String>,
    /// The answer's content in an address: JSON in base64.
    payload: Option<String>,
}

/// Where to answer.
#[derive(Debug, Serialize)]
pub(super) struct ResumeUrls {
    #[serde(rename = "approvalPage")]
    approval_page: String,
    cancel: String,
    resume: String,
}

/// A flow that waits, for who answers it.
#[derive(Debug, Serialize)]
pub(super) struct WaitingFlow {
    job: JobView,
    approvers: Vec<Approver>,
}

/// Who has answered.
#[derive(Debug, Serialize)]
struct Approver {
    resume_id: u32,
    approver: String,
}

/// `GET` and `POST jobs_u/resume/{id}/{resume_id}/{signature}`: yes.
pub(super) async fn resume(
    state: State<Context>,
    path: Answering,
    query: Query<AnswerQuery>,
    body: String,
) -> Result<StatusCode, RouteError> {
    answer(state, path, query, &body, true).await
}

/// `GET` and `POST jobs_u/cancel/{id}/{resume_id}/{signature}`: no.
pub(super) async fn cancel(
    state: State<Context>,
    path: Answering,
    query: Query<AnswerQuery>,
    body: String,
) -> Result<StatusCode, RouteError> {
    answer(state, path, query, &body, false).await
}

async fn answer(
    State(context): State<Context>,
    Path((workspace, job, resume_id, signature)): Answering,
    Query(query): Query<AnswerQuery>,
    body: &str,
    is_yes: bool,
) -> Result<StatusCode, RouteError> {
    let value = content_of(query.payload.as_deref(), body)?;
    let written = context.store.write(move |connection| {
        let approver = query.approver;
        let signed = Signed {
            job,
            resume_id,
            approver: approver.as_deref(),
        };
        let key = key_of(connection, &workspace)?;
        if !signed.is_signed_by(&key, &signature) {
            return Err(StoreError::Conflict("Invalid signature".to_owned()));
        }
        let flow = jobs::flow_to_resume(connection, job)?;
        let approver = approver.filter(|name| !name.is_empty());
        jobs::resume(
            connection,
            &Resume {
                job,
                flow,
                resume_id,
                value,
                approver,
                approved: is_yes,
            },
        )
    });
    written.await.map_err(refusal)?;
    context.answers.came();
    Ok(StatusCode::CREATED)
}

/// `POST jobs/flow/resume/{id}`: yes, of whoever has the API's token, to the step after which the flow waits.
pub(super) async fn resume_flow(
    State(context): State<Context>,
    JobPath(flow): JobPath,
    Query(query): Query<AnswerQuery>,
    body: String,
) -> Result<StatusCode, RouteError> {
    let value = content_of(query.payload.as_deref(), &body)?;
    let written = context.store.write(move |connection| {
        let waiting = jobs::waiting_at(connection, flow)?;
        let own = waiting.into_iter().find(|waiting| waiting.flow == flow);
        let gone =
            || StoreError::Conflict("the flow is not in a suspended state anymore".to_owned());
        let job = own.ok_or_else(gone)?.job;
        let approver = Some(USER.to_owned());
        let resume_id = 0;
        jobs::resume(
            connection,
            &Resume {
                job,
                flow,
                resume_id,
                value,
                approver,
                approved: true,
            },
        )
    });
    written.await.map_err(refusal)?;
    context.answers.came();
    Ok(StatusCode::CREATED)
}

/// `GET jobs/job_signature/{id}/{resume_id}`: what signs an answer.
pub(super) async fn signature(
    State(context): State<Context>,
    Path((workspace, job, resume_id)): Path<(String, JobId, u32)>,
    Query(query): Query<AnswerQuery>,
) -> Result<String, RouteError> {
    let approver = query.approver.as_deref();
    let key = context
        .store
        .write(move |connection| key_of(connection, &workspace));
    Ok(Signed {
        job,
        resume_id,
        approver,
    }
    .signature(&key.await?))
}

/// `GET jobs/resume_urls/{id}/{resume_id}`: the signed addresses for an answer.
pub(super) async fn urls(
    State(context): State<Context>,
    Path((workspace, job, resume_id)): Path<(String, JobId, u32)>,
    Query(query): Query<AnswerQuery>,
    headers: HeaderMap,
) -> Result<Json<ResumeUrls>, RouteError> {
    let place = workspace.clone();
    let key = context
        .store
        .write(move |connection| key_of(connection, &place));
    let approver = query.approver.as_deref();
    let signature = Signed {
        job,
        resume_id,
        approver,
    }
    .signature(&key.await?);
    let named = approver.map(|name| {
        let name: String = byte_serialize(name.as_bytes()).collect();
        format!("?approver={name}")
    });
    let end = format!("{job}/{resume_id}/{signature}{}", named.unwrap_or_default());
    let base = context.base_url(&headers);
    let answer = |verb: &str| format!("{base}/api/w/{workspace}/jobs_u/{verb}/{end}");
    Ok(Json(ResumeUrls {
        approval_page: format!("{base}/approve/{workspace}/{end}"),
        cancel: answer("cancel"),
        resume: answer("resume"),
    }))
}

/// `GET jobs_u/get_flow/{id}/{resume_id}/{signature}`: the flow that waits after a step, and who has answered.
pub(super) async fn get_flow(
    State(context): State<Context>,
    Path((workspace, job, resume_id, signature)): Answering,
    Query(query): Query<AnswerQuery>,
) -> Result<Json<WaitingFlow>, RouteError> {
    let found = context.store.write(move |connection| {
        let signed = Signed {
            job,
            resume_id,
            approver: query.approver.as_deref(),
        };
        if !signed.is_signed_by(&key_of(connection, &workspace)?, &signature) {
            return Err(StoreError::Conflict("Invalid signature".to_owned()));
        }
        waiting_flow(connection, job)
    });
    Ok(Json(found.await.map_err(refusal)?))
}

fn waiting_flow(connection: &Connection, job: JobId) -> Result<WaitingFlow, StoreError> {
    let missing = StoreError::NotFound("flow of this job");
    let flow = jobs::get(connection, job)?.parent.ok_or(missing)?;
    let given = jobs::resumes(connection, job, flow)?.into_iter();
    let approvers = given.map(|resume| Approver {
        resume_id: resume.resume_id,
        approver: resume.approver.unwrap_or_else(|| "anonymous".to_owned()),
    });
    Ok(WaitingFlow {
        approvers: approvers.collect(),
        job: view_of(connection, flow, false)?,
    })
}

/// What was said beside yes or no, as JSON text.
fn content_of(payload: Option<&str>, body: &str) -> Result<String, RouteError> {
    let bytes = match payload {
        None => body.trim().as_bytes().to_vec(),
        Some(text) => [STANDARD, URL_SAFE, URL_SAFE_NO_PAD]
            .iter()
            .find_map(|engine| engine.decode(text).ok())
            .ok_or_else(|| RouteError::bad_request("the payload is no base64"))?,
    };
    if bytes.is_empty() {
        return Ok(Value::Null.to_string());
    }
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| {
        RouteError::bad_request(format_args!("the payload is no JSON: {error}"))
    })?;
    Ok(value.to_string())
}

fn refusal(error: StoreError) -> RouteError {
    match error {
        StoreError::Conflict(why) => RouteError::bad_request(why),
        StoreError::NotFound(what) => RouteError::not_found(what),
        other => other.into(),
    }
}
