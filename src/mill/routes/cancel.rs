//! `jobs_u/queue/cancel`: the wish that a job ends.
//!
//! Always so: the wish is on record before it is answered; whoever runs the job ends it.

use axum::body::Bytes;
use axum::extract::State;
use millwright_core::refs::JobId;
use serde::Deserialize;

use super::Context;
use super::error::{JobPath, RouteError};
use crate::mill::{Mill, USER};
use crate::store::StoreError;
use crate::store::jobs::{self, CancelAnswer, Cancellation};

#[derive(Debug, Default, Deserialize)]
struct CancelBody {
    reason: Option<String>,
}

/// `POST jobs_u/queue/cancel/{id}` with `{"reason": …}`, or nothing, where no mill runs: the wish is noted.
pub(super) async fn note(
    State(context): State<Context>,
    JobPath(id): JobPath,
    body: Bytes,
) -> Result<String, RouteError> {
    let wish = wish_of(&body)?;
    let answer = context
        .store
        .write(move |connection| jobs::cancel(connection, id, &wish))
        .await;
    answer_of(id, answer)
}

/// The same where a mill runs: the job is ended.
pub(super) async fn cancel(
    State(mill): State<Mill>,
    JobPath(id): JobPath,
    body: Bytes,
) -> Result<String, RouteError> {
    answer_of(id, mill.cancel(id, wish_of(&body)?).await)
}

fn wish_of(body: &[u8]) -> Result<Cancellation, RouteError> {
    let body: CancelBody = if body.is_empty() {
        CancelBody::default()
    } else {
        serde_json::from_slice(body).map_err(RouteError::bad_request)?
    };
    Ok(Cancellation {
        by: USER.to_owned(),
        reason: body.reason.unwrap_or_default(),
    })
}

/// The job's id, or that the job had ended.
fn answer_of(id: JobId, answer: Result<CancelAnswer, StoreError>) -> Result<String, RouteError> {
    let missing = format_args!("Job not found: {id}");
    match answer.map_err(|error| RouteError::or_not_found(error, missing))? {
        CancelAnswer::Noted => Ok(id.to_string()),
        CancelAnswer::AlreadyCompleted => Ok(format!("queued job id {id} is already completed")),
    }
}
