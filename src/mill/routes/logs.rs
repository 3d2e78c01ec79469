//! `jobs_u/get_logs`: a job's whole log as text.
//!
//! Always so: the log is passed on in parts as it is read, so a long one costs no memory.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use millwright_core::refs::JobId;

use super::Context;
use super::error::{JobPath, RouteError};
use crate::store::jobs::{self, LogPart, Offset};
use crate::store::{Store, StoreError};

/// The line that Windmill puts in front.
const HINT: &str = "to remove ansi colors, use: | sed 's/\\x1B\\[[0-9;]\\{1,\\}[A-Za-z]//g'\n";
/// How much is read at a time.
const PART: usize = 256 * 1024;

/// `GET jobs_u/get_logs/{id}`.
pub(super) async fn get_logs(
    State(context): State<Context>,
    JobPath(id): JobPath,
) -> Result<Response, RouteError> {
    let first = read(&context.store, id, 0).await.map_err(|error| {
        RouteError::or_not_found(error, format_args!("Job Logs not found at name {id}"))
    })?;
    let end = first.total.bytes;
    let parts = stream::try_unfold(Some(first), move |part| {
        let store = context.store.clone();
        async move {
            let Some(part) = part.filter(|part| !part.text.is_empty()) else {
                return Ok(None);
            };
            let next = match part.end.bytes {
                at if at < end => Some(read(&store, id, at).await?),
                _ => None,
            };
            Ok::<_, StoreError>(Some((Bytes::from(part.text), next)))
        }
    });
    let hint = stream::iter([Ok(Bytes::from_static(HINT.as_bytes()))]);
    let body = Body::from_stream(futures_util::StreamExt::chain(hint, parts));
    Ok(([(CONTENT_TYPE, "text/plain")], body).into_response())
}

async fn read(store: &Store, id: JobId, from: u64) -> Result<LogPart, StoreError> {
    store
        .read(move |connection| jobs::read_log(connection, id, Offset::Bytes(from), PART))
        .await
}
