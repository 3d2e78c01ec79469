//! `jobs_u/completed/get_result` and `get_result_maybe`: what a job yielded.
//!
//! Always so: an unknown job is 404 on the first and `started: null` on the second, as on Windmill.

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Context;
use super::error::{JobPath, RouteError};
use crate::store::StoreError;
use crate::store::jobs::{self, Job, JobState};

#[derive(Debug, Deserialize)]
pub(super) struct MaybeQuery {
    #[serde(default)]
    get_started: bool,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Maybe {
    started: Option<bool>,
    success: Option<bool>,
    completed: bool,
    result: Option<Box<RawValue>>,
}

/// `GET jobs_u/completed/get_result/{id}`: the result alone.
pub(super) async fn get_result(
    State(context): State<Context>,
    JobPath(id): JobPath,
) -> Result<Json<Box<RawValue>>, RouteError> {
    let missing = || RouteError::not_found(format_args!("Completed Job not found at name {id}"));
    match job_of(&context, id).await? {
        Some(job) if job.state == JobState::Completed => {
            Ok(Json(raw(job.result)?.unwrap_or_default()))
        }
        _ => Err(missing()),
    }
}

/// `GET jobs_u/completed/get_result_maybe/{id}`: the result where there is one, and how the job stands.
pub(super) async fn get_result_maybe(
    State(context): State<Context>,
    JobPath(id): JobPath,
    Query(query): Query<MaybeQuery>,
) -> Result<Json<Maybe>, RouteError> {
    let Some(job) = job_of(&context, id).await? else {
        return Ok(Json(Maybe::default()));
    };
    if job.state != JobState::Completed {
        let started = query.get_started.then_some(job.state == JobState::Running);
        return Ok(Json(Maybe {
            started,
            ..Maybe::default()
        }));
    }
    Ok(Json(Maybe {
        started: Some(true),
        // Of a flow that stopped early and counts as skipped, Windmill says so here.
        success: job.success.map(|success| success && !job.skipped),
        completed: true,
        result: raw(job.result)?,
    }))
}

async fn job_of(
    context: &Context,
    id: millwright_core::refs::JobId,
) -> Result<Option<Job>, RouteError> {
    let job = context
        .store
        .read(move |connection| jobs::get(connection, id))
        .await;
    match job {
        Ok(job) => Ok(Some(job)),
        Err(StoreError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn raw(text: Option<String>) -> Result<Option<Box<RawValue>>, RouteError> {
    text.map(RawValue::from_string)
        .transpose()
        .map_err(|error| RouteError::internal(format_args!("the result is no JSON: {error}")))
}
