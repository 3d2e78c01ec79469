//! `jobs_u/get` and `jobs_u/completed/get`: a job with its log.
//!
//! Always so: JSON that was stored is passed on as it is, digit for digit.

use axum::Json;
use axum::extract::{Query, State};
use millwright_core::refs::JobId;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Context;
use super::error::{JobPath, RouteError};
use crate::store::jobs::{self, Inputs, Job, JobState, Offset};
use crate::store::{StoreError, Timestamp};

/// How much of a log is inside a job's answer: its end. The whole is at `get_logs`.
const LOG_IN_JOB: u64 = 64 * 1024;

#[derive(Debug, Deserialize)]
pub(super) struct GetQuery {
    #[serde(default)]
    no_logs: bool,
}

/// `GET jobs_u/get/{id}`: a `QueuedJob` or a `CompletedJob`.
pub(super) async fn get(
    State(context): State<Context>,
    JobPath(id): JobPath,
    Query(query): Query<GetQuery>,
) -> Result<Json<JobView>, RouteError> {
    let view = context
        .store
        .read(move |connection| view_of(connection, id, !query.no_logs))
        .await;
    let missing = format!("Job not found at name {id}");
    view.map(Json)
        .map_err(|error| RouteError::or_not_found(error, missing))
}

/// `GET jobs_u/completed/get/{id}`: the same without `type`, of a completed job alone.
pub(super) async fn get_completed(
    State(context): State<Context>,
    JobPath(id): JobPath,
) -> Result<Json<JobView>, RouteError> {
    let view = context
        .store
        .read(move |connection| view_of(connection, id, true))
        .await;
    let missing = format!("Completed Job not found at name {id}");
    match view {
        Ok(view) if view.r#type == Some(COMPLETED) => Ok(Json(JobView {
            r#type: None,
            ..view
        })),
        Ok(_) => Err(RouteError::not_found(missing)),
        Err(error) => Err(RouteError::or_not_found(error, missing)),
    }
}

const COMPLETED: &str = "CompletedJob";
const QUEUED: &str = "QueuedJob";

/// A job as Windmill shows it. Fields of the other kind of job are absent.
#[derive(Debug, Serialize)]
pub(super) struct JobView {
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    workspace_id: String,
    id: JobId,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_job: Option<JobId>,
    created_by: String,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_for: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    running: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    success: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_path: Option<String>,
    args: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_columns: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logs: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<bool>,
    canceled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    canceled_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    canceled_reason: Option<String>,
    job_kind: &'static str,
    permissioned_as: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow_status: Option<Box<RawValue>>,
    is_flow_step: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_skipped: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    same_worker: Option<bool>,
    email: &'static str,
    visible_to_owner: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspend: Option<u64>,
    tag: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_flow: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preprocessed: Option<bool>,
}

impl JobView {
    /// A job of a list: without arguments, result, log and steps.
    pub(super) fn brief(job: Job) -> Self {
        let completed = job.state == JobState::Completed;
        let started = job.started_at.map(Timestamp::to_windmill_text);
        let queued = |value: bool| (!completed).then_some(value);
        let (canceled_by, canceled_reason) = match job.canceled {
            Some(wish) => (Some(wish.by), Some(wish.reason)),
            None => (None, None),
        };
        Self {
            r#type: Some(if completed { COMPLETED } else { QUEUED }),
            workspace_id: job.workspace,
            id: job.id,
            parent_job: job.parent,
            permissioned_as: format!("u/{}", job.created_by),
            created_by: job.created_by,
            created_at: job.created_at.to_windmill_text(),
            scheduled_for: (!completed).then(|| job.created_at.to_windmill_text()),
            running: queued(started.is_some()),
            started_at: (completed || started.is_some()).then(|| started.into()),
            completed_at: job.completed_at.map(Timestamp::to_windmill_text),
            duration_ms: job
                .completed_at
                .map(|end| (end.0 - job.started_at.unwrap_or(end).0) / 1000),
            success: job.success,
            script_hash: job.script_hash,
            script_path: job.path,
            args: None,
            result: None,
            result_columns: completed.then_some(Value::Null),
            logs: None,
            deleted: completed.then_some(false),
            canceled: canceled_by.is_some(),
            canceled_by,
            canceled_reason,
            job_kind: job.kind.as_str(),
            flow_status: None,
            is_flow_step: job.parent.is_some(),
            is_skipped: completed.then_some(job.skipped),
            same_worker: queued(false),
            email: "",
            visible_to_owner: true,
            suspend: (!completed).then_some(0),
            tag: tag_of(job.kind.is_flow(), job.language.as_deref()),
            language: job.language,
            priority: job.parent.map(|_| 0),
            raw_flow: None,
            worker: job.started_at.map(|_| crate::mill::WORKER),
            preprocessed: job.preprocessed.then_some(true),
        }
    }

    fn whole(mut job: Job, inputs: Inputs) -> Result<Self, StoreError> {
        let (result, flow_status) = (job.result.take(), job.flow_status.take());
        Ok(Self {
            args: raw(Some(inputs.args))?,
            result: raw(result)?,
            flow_status: raw(flow_status)?,
            raw_flow: raw(inputs.raw_flow)?,
            ..Self::brief(job)
        })
    }
}

/// A job as `get` shows it.
pub(super) fn view_of(
    connection: &Connection,
    id: JobId,
    with_log: bool,
) -> Result<JobView, StoreError> {
    let job = jobs::get(connection, id)?;
    let required = jobs::still_required(connection, id, job.flow_status.as_deref())?;
    let mut view = JobView::whole(job, jobs::inputs(connection, id)?)?;
    view.suspend = view.suspend.map(|_| required);
    if with_log {
        view.logs = Some(end_of_log(connection, id)?).filter(|log| !log.is_empty());
    }
    Ok(view)
}

fn end_of_log(connection: &Connection, id: JobId) -> Result<String, StoreError> {
    let start = jobs::log_size(connection, id)?
        .bytes
        .saturating_sub(LOG_IN_JOB);
    let part = jobs::read_log(connection, id, Offset::Bytes(start), usize::MAX)?;
    Ok(match start {
        0 => part.text,
        _ => format!(
            "[the beginning is left out: GET get_logs/{id}]\n{}",
            part.text
        ),
    })
}

/// The worker group's tag that Windmill gives such a job.
fn tag_of(is_flow: bool, language: Option<&str>) -> String {
    if is_flow {
        "flow".to_owned()
    } else {
        language.unwrap_or("other").to_owned()
    }
}

fn raw(text: Option<String>) -> Result<Option<Box<RawValue>>, StoreError> {
    text.map(RawValue::from_string)
        .transpose()
        .map_err(|error| StoreError::Conflict(format!("a job holds what is no JSON: {error}")))
}
