//! Server-sent events, in the manner of all streams: named, with JSON as data.
//!
//! Always so: what goes wrong after the stream has begun is told by an event `error`, the last one.

use std::convert::Infallible;

use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use serde::Serialize;

use super::error::{ApiError, ErrorBody};
use super::state::AppState;

/// Who tells one client what happens.
pub(super) trait Teller: Send + 'static {
    /// The next event, as soon as there is one, and whether it is the last.
    fn tell(&mut self) -> impl Future<Output = Result<(Event, bool), ApiError>> + Send;
}

/// All that a teller tells, with comments in between that keep the connection alive. It ends with the last event, and where
/// the server closes.
pub(super) fn stream_of<T: Teller>(
    app: &AppState,
    teller: T,
) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<T>> {
    let keep_alive = KeepAlive::new().interval(app.keep_alive).text("keep-alive");
    let closing = app.closing.clone();
    let events = stream::unfold(Some(teller), move |teller| {
        let closing = closing.clone();
        async move {
            let mut teller = teller?;
            let told = closing.run_until_cancelled(teller.tell()).await?;
            let (event, last) = told.unwrap_or_else(|error| (error_event(&error), true));
            Some((Ok(event), (!last).then_some(teller)))
        }
    });
    Sse::new(events).keep_alive(keep_alive)
}

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
fn error_event(error: &ApiError) -> Event {
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
