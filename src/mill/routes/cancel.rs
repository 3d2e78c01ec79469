//! `jobs_u/queue/cancel`: the wish that a job ends.
//!
//! Always so: the wish is on record before it is answered; the process that runs the job ends it.

use axum::body::Bytes;
use axum::extract::State;
use serde::Deserialize;

use super::Context;
use super::error::{JobPath, RouteError};
use crate::mill::USER;
use crate::store::jobs::{self, CancelAnswer, Cancellation};

#[derive(Debug, Default, Deserialize)]
struct CancelBody {
    reason: Option<String>,
}

/// `POST jobs_u/queue/cancel/{id}` with `{"reason": …}`, or nothing: answers the job's id.
pub(super) async fn cancel(
    State(context): State<Context>,
    JobPath(id): JobPath,
    body: Bytes,
) -> Result<String, RouteError> {
    let body = if body.is_empty() {
        CancelBody::default()
    } else {
        serde_json::from_slice(&body).map_err(RouteError::bad_request)?
    };
    let wish = Cancellation {
        by: USER.to_owned(),
        reason: body.reason.unwrap_or_default(),
    };
    let answer = context
        .store
        .write(move |connection| jobs::cancel(connection, id, &wish))
        .await
        .map_err(|error| RouteError::or_not_found(error, format_args!("Job not found: {id}")))?;
    Ok(match answer {
        CancelAnswer::Noted => id.to_string(),
        CancelAnswer::AlreadyCompleted => {
            format!("queued job id {id} is already completed")
        }
    })
}
