//! `jobs/run/f` and `jobs/run/p`: starts a flow or a script.
//!
//! Always so: the job is in the database before its id is answered.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::error::RouteError;
use crate::mill::{Mill, MillError, Started};

type Answer = Result<(StatusCode, String), RouteError>;

/// `POST jobs/run/f/{path}` with the inputs as a JSON object: answers the job's id.
pub(super) async fn run_flow(
    State(mill): State<Mill>,
    Path((_, path)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let started = mill.run_flow_at(&path, args_of(&body)?).await;
    answer(started, "flow", &path)
}

/// `POST jobs/run/p/{path}` with the arguments as a JSON object: answers the job's id.
pub(super) async fn run_script(
    State(mill): State<Mill>,
    Path((_, path)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let started = mill.run_script_at(&path, args_of(&body)?).await;
    answer(started, "script", &path)
}

fn args_of(body: &[u8]) -> Result<Map<String, Value>, RouteError> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(body).map_err(RouteError::bad_request)
}

fn answer(started: Result<Started, MillError>, what: &str, path: &str) -> Answer {
    match started {
        Ok(started) => Ok((StatusCode::CREATED, started.job.to_string())),
        Err(MillError::Missing { .. } | MillError::BadPath(_)) => Err(RouteError::not_found(
            format_args!("{what} not found at name {path}"),
        )),
        Err(MillError::Store(error)) => Err(error.into()),
        Err(error @ MillError::System(_)) => Err(RouteError::internal(error)),
        Err(error) => Err(RouteError::bad_request(error)),
    }
}
