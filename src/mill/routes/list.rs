//! `jobs/list`: jobs, the newest first.
//!
//! Always so: a page has at most 1000 jobs.

use axum::Json;
use axum::extract::{Path, Query, State};
use millwright_core::refs::JobId;
use serde::Deserialize;
use uuid::Uuid;

use super::Context;
use super::error::RouteError;
use super::job::JobView;
use crate::store::jobs::{self, Filter};

const PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 1000;

#[derive(Debug, Deserialize)]
pub(super) struct ListQuery {
    page: Option<u32>,
    per_page: Option<u32>,
    parent_job: Option<Uuid>,
    script_path_exact: Option<String>,
    script_path_start: Option<String>,
    success: Option<bool>,
    running: Option<bool>,
    has_null_parent: Option<bool>,
}

/// `GET jobs/list`.
pub(super) async fn list(
    State(context): State<Context>,
    Path(workspace): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Vec<JobView>>, RouteError> {
    let limit = query.per_page.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let filter = Filter {
        workspace: Some(workspace),
        parent: query.parent_job.map(JobId),
        path: query.script_path_exact,
        path_start: query.script_path_start,
        success: query.success,
        running: query.running,
        outermost: query.has_null_parent == Some(true),
        limit,
        offset: (query.page.unwrap_or(1).max(1) - 1).saturating_mul(limit),
    };
    let jobs = context
        .store
        .read(move |connection| jobs::list(connection, &filter))
        .await?;
    Ok(Json(jobs.into_iter().map(JobView::brief).collect()))
}
