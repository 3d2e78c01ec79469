//! Where it is written what happens to jobs: the database, or memory.
//!
//! Always so: the same things are written in the same order to either; a text that only the database keeps is not even
//! put together where there is none.

use std::pin::Pin;
use std::sync::Arc;

use millwright_core::refs::JobId;
use rusqlite::Connection;
use serde_json::Value;

use super::flow::{Beginning, Finished};
use super::ledger::Ledger;
use super::worker::LogSink;
use super::{USER, owner};
use crate::store::jobs::{self, Completion, JobState, NewJob, Resume};
use crate::store::{Store, StoreError};

/// Where it is written what happens to jobs.
pub(super) enum Records {
    /// The database, and this process as it knows it.
    Database(Store, String),
    /// Memory, for a run that is over when its process is.
    Memory(Arc<Ledger>),
}

/// A job that begins.
pub(super) struct Opening<'a> {
    pub(super) job: JobId,
    /// The flow, round or branch that it is a step of.
    pub(super) parent: Option<JobId>,
    /// The outermost job.
    pub(super) root: JobId,
    pub(super) step_id: Option<&'a str>,
    pub(super) workspace: &'a str,
    pub(super) beginning: Beginning,
}

impl Records {
    pub(super) fn in_database(store: Store) -> Self {
        Self::Database(store, owner::this_process())
    }

    /// A text that the database alone keeps.
    pub(super) fn text(&self, make: impl FnOnce() -> String) -> Option<String> {
        matches!(self, Self::Database(..)).then(make)
    }

    /// A job begins; `status` is that of the flow that it is a step of.
    pub(super) async fn begin(
        &self,
        opening: Opening<'_>,
        status: Option<String>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Database(store, owner) => {
                let new = opening.row(owner);
                store
                    .write(move |connection| {
                        jobs::insert(connection, &new)?;
                        set_status_of(connection, new.parent, status.as_deref())
                    })
                    .await
            }
            Self::Memory(ledger) => {
                ledger.begin(opening);
                Ok(())
            }
        }
    }

    /// A job that an earlier process left open goes on in this one.
    pub(super) async fn adopt(
        &self,
        job: JobId,
        parent: Option<JobId>,
        status: Option<String>,
    ) -> Result<(), StoreError> {
        let Self::Database(store, owner) = self else {
            return Ok(());
        };
        let owner = owner.clone();
        store
            .write(move |connection| {
                jobs::adopt(connection, job, &owner)?;
                set_status_of(connection, parent, status.as_deref())
            })
            .await
    }

    /// A job that an earlier process left open has failed; its result.
    pub(super) async fn abandon(
        &self,
        job: JobId,
        reason: &'static str,
    ) -> Result<Value, StoreError> {
        if let Self::Database(store, _) = self {
            store
                .write(move |connection| jobs::abandon(connection, job, reason))
                .await?;
        }
        Ok(jobs::abandoned_result(reason))
    }

    /// A queued job begins to run.
    pub(super) async fn start(&self, job: JobId) -> Result<(), StoreError> {
        match self {
            Self::Database(store, _) => {
                store
                    .write(move |connection| jobs::start(connection, job))
                    .await
            }
            Self::Memory(_) => Ok(()),
        }
    }

    /// A job ends; `status` is that of `parent`, the flow that it is a step of.
    pub(super) async fn end(
        &self,
        job: JobId,
        parent: Option<JobId>,
        finished: &Finished,
        status: Option<String>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Database(store, _) => {
                let completion = Completion {
                    success: finished.success,
                    skipped: finished.skipped,
                    result: finished.result.to_string(),
                    flow_status: finished.flow_status.clone(),
                    log: finished.log.clone(),
                };
                store
                    .write(move |connection| {
                        jobs::complete(connection, job, &completion)?;
                        set_status_of(connection, parent, status.as_deref())
                    })
                    .await
            }
            Self::Memory(ledger) => {
                ledger.end(job, finished);
                Ok(())
            }
        }
    }

    /// How a flow's steps stand.
    pub(super) async fn status(
        &self,
        flow: JobId,
        status: Option<String>,
    ) -> Result<(), StoreError> {
        let (Self::Database(store, _), Some(status)) = (self, status) else {
            return Ok(());
        };
        store
            .write(move |connection| jobs::set_flow_status(connection, flow, &status))
            .await
    }

    /// A flow's inputs are now what its preprocessor made of them.
    pub(super) async fn preprocessed(&self, flow: JobId, inputs: String) -> Result<(), StoreError> {
        let Self::Database(store, _) = self else {
            return Ok(());
        };
        store
            .write(move |connection| jobs::set_preprocessed(connection, flow, &inputs))
            .await
    }

    /// What people answered after a step to a flow that waits.
    pub(super) async fn resumes(
        &self,
        step: JobId,
        flow: JobId,
    ) -> Result<Vec<Resume>, StoreError> {
        match self {
            Self::Database(store, _) => {
                store
                    .read(move |connection| jobs::resumes(connection, step, flow))
                    .await
            }
            Self::Memory(_) => Ok(Vec::new()),
        }
    }

    /// The result that is kept under a key.
    pub(super) async fn cached(&self, key: Vec<u8>) -> Result<Option<String>, StoreError> {
        match self {
            Self::Database(store, _) => {
                store
                    .read(move |connection| jobs::cached(connection, &key))
                    .await
            }
            Self::Memory(_) => Ok(None),
        }
    }

    /// Keeps a result under a key for so many seconds.
    pub(super) async fn keep_cached(
        &self,
        key: Vec<u8>,
        result: String,
        seconds: u64,
    ) -> Result<(), StoreError> {
        let Self::Database(store, _) = self else {
            return Ok(());
        };
        store
            .write(move |connection| jobs::keep_cached(connection, &key, &result, seconds))
            .await
    }

    /// Ends what has not ended of an outermost job that cannot go on.
    pub(super) async fn end_run(&self, root: JobId, reason: &str) {
        if let Self::Database(store, _) = self {
            owner::end_run(store, root, reason).await;
        }
    }

    /// Where a job's log goes.
    pub(super) fn log_of(&self, job: JobId) -> Arc<dyn LogSink> {
        match self {
            Self::Database(store, _) => Arc::new(StoredLog {
                store: store.clone(),
                job,
            }),
            Self::Memory(ledger) => Arc::new(NotedLog {
                ledger: Arc::clone(ledger),
                job,
            }),
        }
    }

    /// What decides a flow's way is noted where it runs in memory.
    pub(super) fn ledger(&self) -> Option<&Ledger> {
        match self {
            Self::Database(..) => None,
            Self::Memory(ledger) => Some(ledger),
        }
    }
}

impl Opening<'_> {
    fn row(self, owner: &str) -> NewJob {
        let beginning = self.beginning;
        let kind = beginning.kind;
        let state = if beginning.queued {
            JobState::Queued
        } else {
            JobState::Running
        };
        NewJob {
            id: self.job,
            workspace: self.workspace.to_owned(),
            kind,
            state,
            parent: self.parent,
            root: self.root,
            step_id: self.step_id.map(str::to_owned),
            path: beginning.path,
            script_hash: beginning.script_hash,
            language: beginning.language,
            created_by: USER.to_owned(),
            owner: owner.to_owned(),
            args: serde_json::to_string(&*beginning.args).unwrap_or_default(),
            raw_flow: beginning.raw_flow,
            flow_status: beginning.flow_status,
        }
    }
}

fn set_status_of(
    connection: &Connection,
    flow: Option<JobId>,
    status: Option<&str>,
) -> Result<(), StoreError> {
    match (flow, status) {
        (Some(flow), Some(status)) => jobs::set_flow_status(connection, flow, status),
        _ => Ok(()),
    }
}

/// A job's log in the database.
struct StoredLog {
    store: Store,
    job: JobId,
}

impl LogSink for StoredLog {
    fn append(
        &self,
        text: String,
    ) -> Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + '_>> {
        let job = self.job;
        Box::pin(
            self.store
                .write(move |connection| jobs::append_log(connection, job, &text)),
        )
    }
}

/// A job's log in memory.
struct NotedLog {
    ledger: Arc<Ledger>,
    job: JobId,
}

impl LogSink for NotedLog {
    fn append(
        &self,
        text: String,
    ) -> Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + '_>> {
        self.ledger.add_to_log(self.job, &text);
        Box::pin(async { Ok(()) })
    }
}
