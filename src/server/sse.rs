//! Server-sent events, in the manner of all streams: named, with JSON as data.
//!
//! Always so: what goes wrong after the stream has begun is told by an event `error`, the last one.

use axum::http::HeaderMap;
use axum::response::sse::Event;
use serde::Serialize;

use super::error::{ApiError, ErrorBody};

/// Where a client that was cut off goes on; what it says counts only as a whole number.
pub(super) fn last_event_id(headers: &HeaderMap) -> Option<u64> {
    headers
        .get("last-event-id")?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// An event with a record as data.
pub(super) fn event(name: &'static str, data: &impl Serialize) -> Event {
    let data = serde_json::to_string(data).expect("texts and numbers become JSON");
    Event::default().event(name).data(data)
}

/// The event that says what went wrong.
pub(super) fn error_event(error: &ApiError) -> Event {
    let detail = match error {
        ApiError::Status(_, detail) => detail.to_string(),
        ApiError::Invalid(_) => "the request is wrong".to_owned(),
        ApiError::Internal(reason) => {
            tracing::error!(%reason, "a stream failed");
            "Internal Server Error".to_owned()
        }
    };
    event("error", &ErrorBody { detail })
}
