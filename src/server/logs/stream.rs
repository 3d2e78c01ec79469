//! `GET /codex/runs/{run_id}/logs/stream`: the log as it comes, as server-sent events.
//!
//! Always so: every `log` event's id is the offset to go on from, and the last event is `end`, with the run's true status,
//! unless the server closes or the log cannot be read.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, Sse};
use futures_util::stream::Stream;
use millwright_core::refs::{LogTail, Run, RunStatus};
use serde::Serialize;
use utoipa::ToSchema;

use super::ansi::Ansi;
use super::follow::Follower;
use super::source::LogSource;
use super::{TailParams, tail_of};
use crate::server::error::{ApiError, ErrorBody, InvalidBody};
use crate::server::extract::{PathParams, QueryParams};
use crate::server::runs::RunPath;
use crate::server::settle::settle;
use crate::server::sse::{self, event, last_event_id, stream_of};
use crate::server::state::AppState;
use crate::store::runs;

/// How soon a quiet log is looked at again.
const SOON: Duration = Duration::from_millis(100);
const LATER: Duration = Duration::from_secs(2);

/// The data of the `end` event.
#[derive(Debug, Serialize, ToSchema)]
struct End {
    /// The run.
    run_id: String,
    /// How it ended.
    status: RunStatus,
}

/// A run's log as it comes.
///
/// Events: `log` with what `tail` answers and the next offset as id, at last `end` with `{"run_id", "status"}`, or `error` with
/// `{"detail"}`. Comments keep the connection alive, also on a long way to the offset. To go on after a break send `Last-Event-ID`, or `offset`.
#[utoipa::path(get, path = "/codex/runs/{run_id}/logs/stream", tag = "logs", params(
    RunPath, TailParams,
    ("last-event-id" = Option<u64>, Header, description = "The offset to go on from; counts more than `offset`"),
), responses(
    (status = 200, body = String, content_type = "text/event-stream"),
    (status = 404, body = ErrorBody),
    (status = 422, body = InvalidBody),
    (status = 502, description = "Windmill cannot be reached", body = ErrorBody),
    (status = 503, description = "No Windmill is configured", body = ErrorBody),
))]
pub(super) async fn stream_log(
    State(app): State<AppState>,
    PathParams(path): PathParams<RunPath>,
    QueryParams(params): QueryParams<TailParams>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let choice = params.source.unwrap_or_default();
    let source = LogSource::of_run(&app, path.run_id, choice).await?;
    let offset = last_event_id(&headers)
        .or(params.offset)
        .unwrap_or_default();
    let follower = source.reader(&app, offset).await?;
    let most = params.most();
    let ansi = params.ansi.unwrap_or_default();
    let teller = Teller {
        app: AppState::clone(&app),
        source,
        follower: Some(follower),
        begin: Some(offset),
        most,
        ansi,
        pause: SOON,
    };
    Ok(stream_of(&app, teller))
}

/// Who tells one client of one log.
struct Teller {
    app: AppState,
    source: LogSource,
    /// Away while it reads: one that failed or was broken off has lost its place, so nobody goes on with it.
    follower: Option<Follower>,
    /// Where to begin, until it has come there: on the way, which may be long, the client is kept alive.
    begin: Option<u64>,
    most: usize,
    ansi: Ansi,
    pause: Duration,
}

impl sse::Teller for Teller {
    async fn tell(&mut self) -> Result<(Event, bool), ApiError> {
        loop {
            // Asked before reading: what was written before the end is then read as well.
            let over = self.run_is_over().await?;
            let mut follower = self.follower.take().expect("an error is the last event");
            if let Some(offset) = self.begin.take() {
                follower.seek(offset).await?;
            }
            let chunk = self.ansi.read(&mut follower, self.most).await?;
            self.follower = Some(follower);
            if !chunk.is_empty() {
                self.pause = SOON;
                return Ok((log_event(&tail_of(&self.source.run.run_id, chunk)), false));
            }
            if chunk.ended || over {
                return Ok((self.end_event().await?, true));
            }
            tokio::time::sleep(self.pause).await;
            self.pause = (self.pause * 3 / 2).min(LATER);
        }
    }
}

impl Teller {
    /// A file does not say that it ends: the run does.
    async fn run_is_over(&mut self) -> Result<bool, ApiError> {
        if self.source.job.is_some() {
            return Ok(false);
        }
        Ok(self.run().await?.status.is_final())
    }

    async fn run(&mut self) -> Result<Run, ApiError> {
        let run_id = self.source.run.run_id.clone();
        Ok(self
            .app
            .store
            .read(move |connection| runs::get(connection, &run_id))
            .await?)
    }

    async fn end_event(&mut self) -> Result<Event, ApiError> {
        let mut status = self.run().await?.status;
        if let Some((server, job)) = self.source.job.clone().filter(|_| !status.is_final()) {
            status = settle(&self.app, &server, job).await?.status;
            // Where the run follows another job than the one whose log this is, that is the job's state.
            let settled = self.run().await?.status;
            status = if settled.is_final() { settled } else { status };
        }
        let run_id = self.source.run.run_id.clone();
        Ok(event("end", &End { run_id, status }))
    }
}

impl Drop for Teller {
    /// Who comes again goes on from here.
    fn drop(&mut self) {
        if let Some(follower) = self.follower.take() {
            self.source.park(&self.app, follower);
        }
    }
}

fn log_event(tail: &LogTail) -> Event {
    event("log", tail).id(tail.next_offset.to_string())
}
