//! What is new of a job, as it comes: server-sent frames, over as many connections as it takes.
//!
//! Always so: a connection that ends is made anew from the character where it ended, and what was given once is not given
//! again.

use std::time::Duration;

use millwright_core::refs::JobId;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::client::Ask;
use super::job::{FlowStatus, Job};
use super::{Client, WindmillError};

/// Between two connections; each that brings nothing doubles it, up to the longest.
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A frame is never longer: the last one holds the job with its result.
const FRAME_LIMIT: usize = 64 * 1024 * 1024;
/// A server that is away is waited for so many times as long as an answer may stand still.
const PATIENCE: u32 = 6;

/// A job's news.
pub struct Updates {
    client: Client,
    job: JobId,
    is_flow: bool,
    /// The offset to ask from, in characters.
    offset: u64,
    answer: Option<Response>,
    /// What came of a frame that is not whole, and how far its end was looked for.
    bytes: Vec<u8>,
    searched: usize,
    /// Windmill itself says that it has no such job.
    is_gone: bool,
    /// Since when no frame has come, where one was expected.
    silent_since: Option<Instant>,
    pause: Duration,
}

/// Something new of a job.
#[derive(Debug, Default)]
pub struct Update {
    /// What its log says more.
    pub log: String,
    /// Of a flow: how its steps stand.
    pub flow_status: Option<FlowStatus>,
    /// The job and its result, once it has ended; nothing comes then any more.
    pub ended: Option<Box<Ended>>,
}

/// A job that has ended.
#[derive(Debug)]
pub struct Ended {
    /// The job.
    pub job: Job,
    /// What it yielded.
    pub result: Value,
    /// How long it took; of one that never began, nothing.
    pub took: Duration,
}

/// One frame. Windmill sends more than is read here, and newer ones more still.
#[derive(Deserialize)]
struct Frame {
    r#type: String,
    #[serde(default)]
    completed: Option<bool>,
    #[serde(default)]
    new_logs: Option<String>,
    #[serde(default)]
    log_offset: Option<u64>,
    #[serde(default)]
    flow_status: Option<FlowStatus>,
    #[serde(default)]
    job: Option<Value>,
    #[serde(default)]
    error: Option<String>,
}

/// What a frame means.
enum News {
    Some(Box<Update>),
    Nothing,
    /// The server ends the stream, to be asked again.
    Again,
}

impl Client {
    /// How a job stands, and its news from its beginning on.
    ///
    /// # Errors
    /// [`WindmillError`], as [`Updates::next`].
    pub async fn updates(&self, job: JobId) -> Result<(Job, Updates), WindmillError> {
        let mut updates = Updates {
            client: self.clone(),
            job,
            is_flow: false,
            offset: 0,
            answer: None,
            bytes: Vec::new(),
            searched: 0,
            is_gone: false,
            silent_since: None,
            pause: PAUSE,
        };
        loop {
            match self.standing(job).await {
                Ok(found) => {
                    updates.is_flow = found.flow_status.is_some();
                    return Ok((found, updates));
                }
                Err(error) => updates.bear(error).await?,
            }
        }
    }
}

impl Updates {
    /// Waits for the next news. It may be dropped while it waits, and called again.
    ///
    /// # Errors
    /// [`WindmillError`], where the server refuses, has no such job, or is away for long. What someone before the server may
    /// say while that starts anew, such as a 404 that does not name the job, counts as being away.
    pub async fn next(&mut self) -> Result<Update, WindmillError> {
        loop {
            match self.news().await {
                Ok(News::Some(update)) => return Ok(*update),
                Ok(News::Nothing) => {}
                Ok(News::Again) => {
                    self.answer = None;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => self.bear(error).await?,
            }
        }
    }

    /// Lets a while pass after a failure that may pass too; else gives it back.
    async fn bear(&mut self, error: WindmillError) -> Result<(), WindmillError> {
        self.answer = None;
        let since = *self.silent_since.get_or_insert_with(Instant::now);
        let patience = self.client.connection().timeout * PATIENCE;
        if self.is_gone || !may_pass(&error, self.job) || since.elapsed() >= patience {
            return Err(error);
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        tokio::time::sleep(pause).await;
        Ok(())
    }

    async fn news(&mut self) -> Result<News, WindmillError> {
        if let Some(frame) = self.frame() {
            return self.read(&frame).await;
        }
        if self.answer.is_none() {
            self.answer = Some(self.connect().await?);
            (self.bytes, self.searched) = (Vec::new(), 0);
        }
        let answer = self.answer.as_mut().expect("there is one by now");
        let part = answer.chunk().await;
        match part.map_err(|error| self.client.unreachable(error))? {
            Some(part) if self.bytes.len() + part.len() > FRAME_LIMIT => {
                let reason = format!("more than {FRAME_LIMIT} bytes in one frame");
                Err(self.client.bad_answer(&self.what(), reason))
            }
            Some(part) => {
                self.bytes.extend_from_slice(&part);
                Ok(News::Nothing)
            }
            None => Err(self.client.broken_off()),
        }
    }

    async fn connect(&self) -> Result<Response, WindmillError> {
        let route = format!(
            "jobs_u/getupdate_sse/{}?running=false&fast=true&is_flow={}&log_offset={}",
            self.job, self.is_flow, self.offset
        );
        let what = self.what();
        let answer = self.client.stream(Ask::get(&route, &what)).await?;
        let kind = answer.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.starts_with("text/event-stream") {
            return Ok(answer);
        }
        let reason = format!("its answer is {kind:?}, no stream of events");
        Err(self.client.bad_answer(&what, reason))
    }

    fn what(&self) -> String {
        format!("the news of the job {}", self.job)
    }

    /// The next whole frame of what has come.
    fn frame(&mut self) -> Option<Vec<u8>> {
        let mut pairs = self.bytes[self.searched..].windows(2);
        let Some(end) = pairs.position(|two| two == b"\n\n") else {
            self.searched = self.bytes.len().saturating_sub(1);
            return None;
        };
        let rest = self.bytes.split_off(self.searched + end + 2);
        self.searched = 0;
        Some(std::mem::replace(&mut self.bytes, rest))
    }

    async fn read(&mut self, frame: &[u8]) -> Result<News, WindmillError> {
        let Some(data) = data_of(frame) else {
            return Ok(News::Nothing);
        };
        let frame: Frame = serde_json::from_slice(data)
            .map_err(|error| self.client.bad_answer(&self.what(), error.to_string()))?;
        if matches!(frame.r#type.as_str(), "error" | "notfound") {
            let said = frame.error.unwrap_or_else(|| "not found".to_owned());
            let error = self.refused(said);
            self.is_gone = error.is_not_found();
            return Err(error);
        }
        (self.silent_since, self.pause) = (None, PAUSE);
        match frame.r#type.as_str() {
            "update" => self.update(frame).await.map(Box::new).map(News::Some),
            "timeout" => Ok(News::Again),
            _ => Ok(News::Nothing),
        }
    }

    async fn update(&mut self, frame: Frame) -> Result<Update, WindmillError> {
        let ended = match (frame.completed, frame.job) {
            (Some(true), Some(job)) => Some(Box::new(self.ended(&job)?)),
            (Some(true), None) => Some(Box::new(self.ended(&self.client.job(self.job).await?)?)),
            _ => None,
        };
        self.offset = frame.log_offset.unwrap_or(self.offset);
        Ok(Update {
            log: frame.new_logs.unwrap_or_default(),
            flow_status: frame.flow_status,
            ended,
        })
    }

    fn ended(&self, job: &Value) -> Result<Ended, WindmillError> {
        let read = Job::deserialize(job);
        let read = read.map_err(|error| self.client.bad_answer(&self.what(), error.to_string()))?;
        let took = job["duration_ms"].as_u64().unwrap_or_default();
        Ok(Ended {
            job: read,
            result: job["result"].clone(),
            took: Duration::from_millis(took),
        })
    }

    fn refused(&self, said: String) -> WindmillError {
        let what = self.what();
        if said.to_lowercase().contains("not found") {
            WindmillError::NotFound { what, said }
        } else {
            WindmillError::Failed { what, said }
        }
    }
}

/// What a frame carries. Lines that are comments, and what is no frame of ours, are passed over.
fn data_of(frame: &[u8]) -> Option<&[u8]> {
    let mut lines = frame.split(|byte| *byte == b'\n');
    lines.find_map(|line| line.strip_prefix(b"data:"))
}

/// Whether it may go well when it is tried again.
fn may_pass(error: &WindmillError, job: JobId) -> bool {
    match error {
        WindmillError::NotFound { said, .. } => !said.contains(&job.to_string()),
        WindmillError::Unreachable { .. }
        | WindmillError::Failed { .. }
        | WindmillError::BadAnswer { .. } => true,
        WindmillError::Refused { status, .. } => {
            status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
        }
        WindmillError::Unauthorized { .. } => false,
    }
}
