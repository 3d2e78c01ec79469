//! The log of a job of the mill, for who has its database and no server.
//!
//! Always so: a flow's is the story of its steps, as the routes tell it.

use millwright_core::refs::JobId;

use super::PART;
use super::follow::{Follower, LogError, Reader};
use super::job_log::JobLog;
use super::story::Story;
use crate::mill;
use crate::server::jobs::{JobClient, JobError};
use crate::store::Store;

/// Reads the log of a job of the mill from its beginning on.
pub struct JobLogReader(Follower);

/// What a log yields next.
#[derive(Debug, PartialEq, Eq)]
pub struct LogText {
    /// Its text; empty where there is nothing now.
    pub text: String,
    /// Whether the present end is reached.
    pub at_end: bool,
    /// Whether nothing can follow.
    pub ended: bool,
}

/// Why a job's log cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the job's log cannot be read: {0}")]
pub struct Unreadable(String);

impl From<LogError> for Unreadable {
    fn from(error: LogError) -> Self {
        Self(error.to_string())
    }
}

impl From<JobError> for Unreadable {
    fn from(error: JobError) -> Self {
        Self(error.to_string())
    }
}

impl JobLogReader {
    /// The log of a job of the mill over this database.
    ///
    /// # Errors
    /// Where there is no such job.
    pub async fn open(store: &Store, job: JobId) -> Result<Self, Unreadable> {
        let routes = mill::routes(store.clone());
        let client = JobClient::new(routes, None).map_err(|error| Unreadable(error.to_string()))?;
        let (server, found) = client.find(job).await?;
        let reader = if found.flow_status.is_some() {
            Reader::Story(Box::new(Story::new(server, job)))
        } else {
            Reader::Job(Box::new(JobLog::new(server, job)))
        };
        Ok(Self(Follower::new(reader)))
    }

    /// What comes next of it.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn next(&mut self) -> Result<LogText, Unreadable> {
        let chunk = self.0.read(PART as usize).await?;
        Ok(LogText {
            text: chunk.text,
            at_end: chunk.eof,
            ended: chunk.ended,
        })
    }
}
