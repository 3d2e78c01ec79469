//! What is written down of a job: that it begins, and how it ends.
//!
//! Always so: a job and the status of the flow that it is a step of change in one write.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use millwright_core::refs::JobId;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::frame::{Frame, Run};
use super::outcome::line_of;
use crate::mill::event::{Change, End, Event};
use crate::mill::ledger::Ledger;
use crate::mill::records::Opening;
use crate::mill::stop::{Cause, Stop};
use crate::store::StoreError;
use crate::store::jobs::JobKind;

/// A job while it runs: what is needed to write about it.
pub(in crate::mill) struct JobCard {
    run: Arc<Run>,
    pub(in crate::mill) job: JobId,
    parent: Option<JobId>,
    depth: usize,
    label: String,
    begun: Instant,
    /// Whether it had ended before this process took its run up: then there is nothing to write.
    is_past: bool,
}

/// What a job is begun with.
pub(in crate::mill) struct Beginning {
    pub(in crate::mill) kind: JobKind,
    pub(in crate::mill) path: Option<String>,
    pub(in crate::mill) script_hash: Option<String>,
    pub(in crate::mill) language: Option<String>,
    pub(in crate::mill) label: String,
    pub(in crate::mill) args: Arc<Map<String, Value>>,
    pub(in crate::mill) raw_flow: Option<String>,
    pub(in crate::mill) flow_status: Option<String>,
    pub(in crate::mill) queued: bool,
}

/// How a job ended.
#[derive(Debug, Clone)]
pub(in crate::mill) struct Finished {
    pub(in crate::mill) success: bool,
    pub(in crate::mill) skipped: bool,
    pub(in crate::mill) result: Arc<Value>,
    pub(in crate::mill) flow_status: Option<String>,
    pub(in crate::mill) log: String,
}

impl Finished {
    /// Without secrets of the project, as it is stored and shown.
    pub(super) fn concealed(&self, run: &Run) -> Cow<'_, Self> {
        let secrets = &run.plan.project.secrets;
        if secrets.is_empty() {
            return Cow::Borrowed(self);
        }
        Cow::Owned(Self {
            result: Arc::new(secrets.conceal(&self.result)),
            log: secrets.hidden(self.log.as_str()),
            ..self.clone()
        })
    }
}

/// Where a new job stands.
pub(in crate::mill) struct Standing<'a> {
    pub(in crate::mill) run: &'a Arc<Run>,
    pub(in crate::mill) job: JobId,
    /// The frame that it is a step of, and the step's id.
    pub(in crate::mill) step: Option<(&'a Frame, &'a str)>,
}

impl JobCard {
    /// Writes that a job begins; `status` is that of the flow that it is a step of.
    pub(in crate::mill) async fn begin(
        standing: Standing<'_>,
        beginning: Beginning,
        status: Option<String>,
        stop: &Arc<Stop>,
    ) -> Result<Self, StoreError> {
        let Standing { run, job, step } = standing;
        let secrets = &run.plan.project.secrets;
        let beginning = Beginning {
            args: secrets.stored(beginning.args),
            ..beginning
        };
        let card = Self {
            run: Arc::clone(run),
            job,
            parent: step.map(|(frame, _)| frame.job),
            depth: step.map_or(0, |(frame, _)| frame.depth + 1),
            label: beginning.label.clone(),
            begun: Instant::now(),
            is_past: run.recorded.has_ended(job) == Some(true),
        };
        if card.is_past {
            return Ok(card);
        }
        let is_flow = beginning.kind.is_flow();
        let opening = Opening {
            job,
            parent: card.parent,
            root: run.root,
            step_id: step.map(|(_, id)| id),
            workspace: &run.mill.options.workspace,
            beginning,
        };
        run.mill.watch(job, stop);
        let records = &run.mill.records;
        let written = if run.goes_on(job) {
            records.adopt(job, card.parent, status).await
        } else {
            records.begin(opening, status).await
        };
        if let Err(error) = written {
            run.mill.unwatch(job);
            return Err(error);
        }
        if run.mill.records.ledger().is_some_and(Ledger::is_overrun) {
            run.stop.stop(Cause::Broken);
        }
        card.tell(Change::Began { is_flow });
        Ok(card)
    }

    /// The same job, which was prepared from this moment on.
    pub(in crate::mill) fn prepared_since(mut self, begun: Instant) -> Self {
        self.begun = begun;
        self
    }

    /// Writes that a queued job begins to run.
    pub(in crate::mill) async fn start(&self) -> Result<(), StoreError> {
        self.run.mill.records.start(self.job).await
    }

    /// Writes how a job ended; `status` is that of the flow that it is a step of.
    pub(in crate::mill) async fn end(
        self,
        finished: &Finished,
        status: Option<String>,
    ) -> Result<(), StoreError> {
        if self.is_past {
            return Ok(());
        }
        let mill = &self.run.mill;
        let finished = &*finished.concealed(&self.run);
        let written = mill.records.end(self.job, self.parent, finished, status);
        written.await?;
        mill.unwatch(self.job);
        self.tell_end(finished);
        Ok(())
    }

    /// Tells those who watch that the job failed and is tried again.
    pub(in crate::mill) fn tell(&self, change: Change) {
        let change = match change {
            Change::Again { attempt, error } => Change::Again {
                attempt,
                error: self.run.plan.project.secrets.hidden(error),
            },
            other => other,
        };
        self.run.mill.tell(Event {
            root: self.run.root,
            job: self.job,
            parent: self.parent,
            depth: self.depth,
            label: self.label.clone(),
            change,
        });
    }

    fn tell_end(&self, finished: &Finished) {
        let end = match (finished.success, finished.skipped) {
            (true, true) => End::Skipped,
            (true, false) => End::Succeeded,
            (false, _) => End::Failed(line_of(&finished.result)),
        };
        let took: Duration = self.begun.elapsed();
        self.tell(Change::Ended { end, took });
    }
}
