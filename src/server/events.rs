//! `/events`: what happened, over all protocols or some, as a list and as it comes.
//!
//! Always so: ids grow with time, so `after` neither skips nor repeats an event while others arrive.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event as Sent, Sse};
use futures_util::stream::Stream;
use millwright_core::protocol::{Event, EventType, ProtocolStatus, UnknownWord};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ErrorBody, InvalidBody, Issue};
use super::extract::QueryParams;
use super::sse::{self, event, last_event_id, stream_of};
use super::state::AppState;
use crate::store::Timestamp;
use crate::store::protocols::EventFilter;

const LIMIT: u32 = 100;
/// How soon the table is looked at again.
const SOON: Duration = Duration::from_millis(50);
const LATER: Duration = Duration::from_millis(500);

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_all_events))
        .routes(routes!(stream_events))
}

/// Which events.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct EventQuery {
    /// Those of a project's protocols.
    project_id: Option<i64>,
    /// Those of a protocol run.
    protocol_run_id: Option<i64>,
    /// Those of a step run.
    step_run_id: Option<i64>,
    /// Those of these types, with commas between them.
    event_type: Option<String>,
    /// Those from this moment on: `2026-11-21 10:16:33`, or with `T` and an offset; UTC where there is none.
    since: Option<String>,
    /// Those before this moment.
    until: Option<String>,
    /// Those after the event with this id.
    after: Option<i64>,
    /// At most so many; 100 when absent. A stream takes no notice of it.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// The data of the `end` event.
#[derive(Debug, Serialize, ToSchema)]
struct End {
    /// The protocol run.
    protocol_run_id: i64,
    /// How it ended.
    status: ProtocolStatus,
}

impl EventQuery {
    fn filter(self) -> Result<EventFilter, ApiError> {
        Ok(EventFilter {
            project_id: self.project_id,
            protocol_run_id: self.protocol_run_id,
            step_run_id: self.step_run_id,
            types: self.event_type.map(types).transpose()?.unwrap_or_default(),
            since: self.since.map(|text| moment("since", text)).transpose()?,
            until: self.until.map(|text| moment("until", text)).transpose()?,
            after: self.after,
            limit: self.limit.unwrap_or(LIMIT),
        })
    }
}

/// Events, oldest first.
///
/// The next page begins after the last event of this one: `after=<its id>`.
#[utoipa::path(get, path = "/events", tag = "protocols", params(EventQuery), responses(
    (status = 200, body = Vec<Event>),
    (status = 422, body = InvalidBody),
))]
async fn list_all_events(
    State(app): State<AppState>,
    QueryParams(query): QueryParams<EventQuery>,
) -> Result<Json<Vec<Event>>, ApiError> {
    let filter = query.filter()?;
    let protocols = app.work.protocols();
    let found = protocols.read(move |tables| tables.events_that(&filter));
    Ok(Json(found.await?))
}

/// Events as they come, those that there are first.
///
/// Events: `event` with what the list answers and its id, and, where `protocol_run_id` is given, at last `end` with
/// `{"protocol_run_id", "status"}` once that protocol has ended; or `error` with `{"detail"}`. Comments keep the connection alive.
/// To go on after a break send `Last-Event-ID`, or `after`.
#[utoipa::path(get, path = "/events/stream", tag = "protocols", params(
    EventQuery,
    ("last-event-id" = Option<u64>, Header, description = "The event to go on from; counts more than `after`"),
), responses(
    (status = 200, body = String, content_type = "text/event-stream"),
    (status = 404, description = "There is no such protocol run", body = ErrorBody),
    (status = 422, body = InvalidBody),
))]
async fn stream_events(
    State(app): State<AppState>,
    QueryParams(query): QueryParams<EventQuery>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Sent, Infallible>>>, ApiError> {
    let mut filter = query.filter()?;
    let after = last_event_id(&headers).and_then(|id| i64::try_from(id).ok());
    filter.after = after.or(filter.after);
    filter.limit = LIMIT;
    let teller = Teller {
        app: AppState::clone(&app),
        filter,
        read: VecDeque::new(),
        pause: SOON,
    };
    teller.status().await?;
    Ok(stream_of(&app, teller))
}

/// Who tells one client what happens.
struct Teller {
    app: AppState,
    filter: EventFilter,
    /// What was read and not told.
    read: VecDeque<Event>,
    pause: Duration,
}

impl sse::Teller for Teller {
    async fn tell(&mut self) -> Result<(Sent, bool), ApiError> {
        loop {
            if let Some(next) = self.read.pop_front() {
                self.pause = SOON;
                return Ok((event("event", &next).id(next.id.to_string()), false));
            }
            // Asked before reading: what was written before the end is then read as well.
            let ended = self.status().await?;
            self.read_more().await?;
            if !self.read.is_empty() {
                continue;
            }
            if let Some(end) = ended {
                return Ok((event("end", &end), true));
            }
            tokio::time::sleep(self.pause).await;
            self.pause = (self.pause * 3 / 2).min(LATER);
        }
    }
}

impl Teller {
    async fn read_more(&mut self) -> Result<(), ApiError> {
        let filter = self.filter.clone();
        let protocols = self.app.work.protocols();
        let found = protocols.read(move |tables| tables.events_that(&filter));
        self.read.extend(found.await?);
        self.filter.after = self.read.back().map(|last| last.id).or(self.filter.after);
        Ok(())
    }

    /// How the protocol ended that the client asks for, where it asks for one that has.
    async fn status(&self) -> Result<Option<End>, ApiError> {
        let Some(protocol_run_id) = self.filter.protocol_run_id else {
            return Ok(None);
        };
        let protocols = self.app.work.protocols();
        let run = protocols.read(move |tables| tables.protocol(protocol_run_id));
        let status = run.await?.status;
        Ok(status.is_terminal().then_some(End {
            protocol_run_id,
            status,
        }))
    }
}

fn types(text: String) -> Result<Vec<EventType>, ApiError> {
    let words = text
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty());
    let types = words.map(str::parse).collect::<Result<_, UnknownWord>>();
    types.map_err(|error| invalid("event_type", error.to_string(), text))
}

fn moment(name: &str, text: String) -> Result<Timestamp, ApiError> {
    let msg = "a time is such as 2026-11-21T10:16:33Z, 2026-11-21 10:16:33 or 2026-11-21";
    Timestamp::parse(&text).ok_or_else(|| invalid(name, msg.to_owned(), text))
}

fn invalid(name: &str, msg: String, input: String) -> ApiError {
    ApiError::Invalid(vec![Issue {
        kind: "value_error",
        loc: vec!["query".into(), name.into()],
        msg,
        input: input.into(),
        ctx: None,
    }])
}
