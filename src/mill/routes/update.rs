//! `jobs_u/getupdate` and `getupdate_sse`: what is new of a job.
//!
//! Always so: a job is called completed only with the end of its log, so who reads until then has read everything.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Query, State};
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use futures_util::stream::{self, Stream};
use millwright_core::refs::JobId;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Context;
use super::error::{JobPath, RouteError};
use super::job::{JobView, view_of};
use crate::store::StoreError;
use crate::store::jobs::{self, JobState, Offset};

/// How much of a log one answer holds.
const PART: usize = 256 * 1024;
const FAST: Duration = Duration::from_millis(100);
const SLOW: Duration = Duration::from_secs(3);
/// After so long a stream says `timeout`, and the client comes again.
const STREAM: Duration = Duration::from_mins(1);
const PING: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Deserialize)]
pub(super) struct UpdateQuery {
    #[serde(default)]
    running: bool,
    #[serde(default)]
    log_offset: u64,
    #[serde(default)]
    fast: bool,
}

/// What is new of a job since the client last asked.
#[derive(Debug, Default, Serialize)]
pub(super) struct Update {
    #[serde(skip_serializing_if = "Option::is_none")]
    running: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_logs: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow_status: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<Box<JobView>>,
}

/// `GET jobs_u/getupdate/{id}?running=&log_offset=`: the offset counts characters, from 1.
pub(super) async fn get_update(
    State(context): State<Context>,
    JobPath(id): JobPath,
    Query(query): Query<UpdateQuery>,
) -> Result<Json<Update>, RouteError> {
    let update = context
        .store
        .read(move |connection| update_of(connection, id, &query))
        .await;
    let missing = format!("Job not found: {id}");
    update
        .map(Json)
        .map_err(|error| RouteError::or_not_found(error, missing))
}

/// `GET jobs_u/getupdate_sse/{id}?running=&log_offset=&fast=`: the same as a stream of events.
pub(super) async fn follow(
    State(context): State<Context>,
    JobPath(id): JobPath,
    Query(query): Query<UpdateQuery>,
) -> impl IntoResponse {
    Sse::new(frames(Follower::new(context, id, query)))
}

fn update_of(
    connection: &Connection,
    id: JobId,
    query: &UpdateQuery,
) -> Result<Update, StoreError> {
    let job = jobs::get(connection, id)?;
    let from = Offset::Chars(query.log_offset.saturating_sub(1));
    let part = jobs::read_log(connection, id, from, PART)?;
    let completed = job.state == JobState::Completed && part.end == part.total;
    let running = job.state != JobState::Queued && !completed;
    let news = !part.text.is_empty();
    Ok(Update {
        running: (completed || running != query.running).then_some(running),
        completed: Some(completed),
        log_offset: news.then_some(part.end.chars + 1),
        new_logs: news.then_some(part.text),
        flow_status: match job.flow_status {
            Some(status) => RawValue::from_string(status).ok(),
            None => None,
        },
        job: None,
    })
}

/// A client that follows a job.
struct Follower {
    context: Context,
    id: JobId,
    query: UpdateQuery,
    begun: Instant,
    last: Instant,
    first: bool,
    /// How the flow's steps stood when they were last told.
    told: Option<Box<RawValue>>,
}

/// One frame of the stream.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Frame {
    Update(Box<Update>),
    Ping,
    Timeout,
    Error { error: String },
}

impl Follower {
    fn new(context: Context, id: JobId, query: UpdateQuery) -> Self {
        let now = Instant::now();
        Self {
            context,
            id,
            query,
            begun: now,
            last: now,
            first: true,
            told: None,
        }
    }

    /// Waits for the next frame; the second part says whether it is the last.
    async fn next(&mut self) -> (Frame, bool) {
        loop {
            if !std::mem::take(&mut self.first) {
                tokio::time::sleep(if self.query.fast { FAST } else { SLOW }).await;
            }
            if self.begun.elapsed() > STREAM {
                return (Frame::Timeout, true);
            }
            match self.update().await {
                Err(error) => return (Frame::Error { error }, true),
                Ok(update)
                    if update.says_something()
                        || self.begun == self.last
                        || self.has_moved(&update) =>
                {
                    self.told.clone_from(&update.flow_status);
                    self.last = Instant::now();
                    let completed = update.completed == Some(true);
                    return (Frame::Update(Box::new(update)), completed);
                }
                Ok(_) if self.last.elapsed() > PING => {
                    self.last = Instant::now();
                    return (Frame::Ping, false);
                }
                Ok(_) => {}
            }
        }
    }

    /// Whether the flow's steps stand otherwise than was told.
    fn has_moved(&self, update: &Update) -> bool {
        let text = |status: &Option<Box<RawValue>>| status.as_ref().map(ToString::to_string);
        text(&self.told) != text(&update.flow_status)
    }

    async fn update(&mut self) -> Result<Update, String> {
        let (id, query) = (self.id, self.query.clone());
        let update = self.context.store.read(move |connection| {
            let mut update = update_of(connection, id, &query)?;
            if update.completed == Some(true) {
                update.job = Some(Box::new(view_of(connection, id, false)?));
            }
            Ok(update)
        });
        let mut update = update.await.map_err(|error| match error {
            StoreError::NotFound(_) => format!("Not found: Job not found: {id}"),
            other => format!("Internal: {other}"),
        })?;
        if update.completed == Some(false) && self.begun != self.last {
            update.completed = None;
        }
        self.query.running = update.running.unwrap_or(self.query.running);
        // A full part means that there is more: the next is read at once.
        self.first = update
            .new_logs
            .as_ref()
            .is_some_and(|text| text.len() + 4 > PART);
        self.query.log_offset = update.log_offset.unwrap_or(self.query.log_offset);
        Ok(update)
    }
}

impl Update {
    fn says_something(&self) -> bool {
        self.running.is_some() || self.completed == Some(true) || self.new_logs.is_some()
    }
}

fn frames(follower: Follower) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(Some(follower), async |follower| {
        let mut follower = follower?;
        let (frame, last) = follower.next().await;
        let text = serde_json::to_string(&frame).unwrap_or_default();
        Some((Ok(Event::default().data(text)), (!last).then_some(follower)))
    })
}
