//! A Windmill's results and lists of open jobs, its workspace, and answers of something that stands before it.
//!
//! Always so: what is odd is so for every request, until it is changed.

use std::sync::Mutex;

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::windmill_double::{Asked, Refusal, Windmill};

/// What is odd about a Windmill.
#[derive(Default)]
pub(crate) struct Oddities {
    /// What every request is answered with.
    fault: Mutex<Option<Fault>>,
    /// The workspace that it has instead of the one that is asked about.
    workspace: Mutex<Option<&'static str>>,
    /// How many jobs a page of a list has, whatever was asked for.
    page: Mutex<Option<usize>>,
}

type Fault = (StatusCode, &'static str);

impl Windmill {
    /// Every request is answered so, or as usual.
    pub(crate) fn fail_with(&self, fault: Option<Fault>) {
        *self.oddities().fault.lock().unwrap() = fault;
    }

    /// Its workspace has another name.
    pub(crate) fn rename(&self, workspace: &'static str) {
        *self.oddities().workspace.lock().unwrap() = Some(workspace);
    }

    /// Lists give no more than this at once.
    pub(crate) fn list_by(&self, page: usize) {
        *self.oddities().page.lock().unwrap() = Some(page);
    }
}

/// A Windmill's routes with its lists, and with what is odd about it.
pub(crate) fn around(service: Router, windmill: &Windmill) -> Router {
    let own = Router::new()
        .route("/api/w/starter/jobs/queue/list", get(queue))
        .route("/api/w/starter/jobs/list", get(list))
        .route(
            "/api/w/starter/jobs_u/completed/get_result/{id}",
            get(result),
        )
        .route("/api/workspaces/exists", post(exists))
        .with_state(windmill.clone());
    service
        .merge(own)
        .layer(from_fn_with_state(windmill.clone(), fault))
}

#[derive(Deserialize)]
struct Wanted {
    script_path_start: String,
    job_kinds: String,
    created_after: String,
    created_before: Option<String>,
    per_page: usize,
}

#[derive(Deserialize)]
struct Page {
    page: usize,
    per_page: usize,
}

async fn queue(State(windmill): State<Windmill>, Query(asked): Query<Page>) -> Json<Vec<Value>> {
    windmill.note(Asked::Queue(asked.page));
    let most = windmill
        .oddities()
        .page
        .lock()
        .unwrap()
        .unwrap_or(asked.per_page);
    let jobs = windmill.jobs().into_iter();
    let open = jobs.filter(|(_, job)| job.ended.is_none());
    let open = open.map(|(id, _)| id);
    let page = open.skip((asked.page - 1) * most).take(most);
    Json(
        page.map(|id| json!({"type": "QueuedJob", "id": id}))
            .collect(),
    )
}

/// Jobs by what they are said to be: those that have not ended, then the others; each newest first.
async fn list(State(windmill): State<Windmill>, Query(asked): Query<Wanted>) -> Json<Vec<Value>> {
    windmill.note(Asked::List);
    let text = |job: &Value, key: &str| job[key].as_str().unwrap_or_default().to_owned();
    let jobs = windmill.jobs().into_iter();
    let mut jobs: Vec<Value> = jobs
        .filter_map(|(id, job)| {
            let mut listed = job.said.as_object()?.clone();
            let kind = if job.ended.is_some() {
                "CompletedJob"
            } else {
                "QueuedJob"
            };
            listed.extend([
                ("id".to_owned(), json!(id)),
                ("type".to_owned(), json!(kind)),
            ]);
            listed.retain(|key, _| !["args", "flow_status"].contains(&key.as_str()));
            Some(Value::Object(listed))
        })
        .filter(|job| text(job, "script_path").starts_with(&asked.script_path_start))
        .filter(|job| text(job, "job_kind") == asked.job_kinds)
        .filter(|job| text(job, "created_at") > asked.created_after)
        .filter(|job| {
            let before = asked.created_before.as_ref();
            before.is_none_or(|before| text(job, "created_at") <= *before)
        })
        .collect();
    jobs.sort_by_key(|job| (text(job, "type"), text(job, "created_at")));
    jobs.reverse();
    jobs.truncate(
        windmill
            .oddities()
            .page
            .lock()
            .unwrap()
            .unwrap_or(asked.per_page),
    );
    Json(jobs)
}

async fn result(
    State(windmill): State<Windmill>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let result = windmill.job(&id, &headers)?.ended;
    let missing = format!("Not found: Completed Job not found at name {id}");
    result.map(Json).ok_or((StatusCode::NOT_FOUND, missing))
}

async fn exists(State(windmill): State<Windmill>, Json(asked): Json<Value>) -> Json<bool> {
    windmill.note(Asked::Workspace);
    let workspace = windmill
        .oddities()
        .workspace
        .lock()
        .unwrap()
        .unwrap_or("starter");
    Json(asked["id"] == workspace)
}

async fn fault(State(windmill): State<Windmill>, request: Request, next: Next) -> Response {
    let fault = *windmill.oddities().fault.lock().unwrap();
    match fault {
        Some(fault) => {
            windmill.note(Asked::Failed);
            fault.into_response()
        }
        None => next.run(request).await,
    }
}
