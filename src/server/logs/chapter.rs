//! A flow inside a story: which of its jobs come next.
//!
//! Always so: its status, which grows with every round, is asked for when the jobs known from it are used up, and not for
//! each of them; of a status with very many jobs the next few are kept.

use std::collections::VecDeque;

use millwright_core::refs::JobId;

use crate::server::jobs::{JobError, JobServer};
use crate::windmill::{FlowStatus, Job, JobState, StepJob};

/// So many jobs are kept of one status.
const KEPT: usize = 256;

/// A flow, round or branch that is being told.
pub(super) struct Chapter {
    pub(super) job: JobId,
    /// What stands before its steps' names.
    prefix: String,
    /// How many of its jobs were told.
    told: usize,
    /// Those that come next, as far as they are known.
    next: VecDeque<Entry>,
    /// How the flow ended, where nothing comes after those.
    end: Option<JobState>,
}

/// A job in its flow.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) job: JobId,
    pub(super) name: String,
}

/// What comes next in a flow.
pub(super) enum Turn {
    /// A job to tell.
    Entry(Entry),
    /// Nothing now; there may be more later.
    Waiting,
    /// Nothing any more.
    Ended(JobState),
}

impl Chapter {
    /// The outermost flow.
    pub(super) fn outermost(job: JobId) -> Self {
        Self::at(job, String::new(), 0)
    }

    /// A flow that is one of a flow's jobs, as it was just asked for.
    pub(super) fn within(entry: Entry, job: &Job) -> Self {
        let mut chapter = Self::at(entry.job, entry.name + "/", 0);
        chapter.learn(job);
        chapter
    }

    /// The same place, without what is known of the flow.
    pub(super) fn mark(&self) -> Self {
        Self::at(self.job, self.prefix.clone(), self.told)
    }

    fn at(job: JobId, prefix: String, told: usize) -> Self {
        Self {
            job,
            prefix,
            told,
            next: VecDeque::new(),
            end: None,
        }
    }

    /// Its name among its flow's steps.
    pub(super) fn name(&self) -> &str {
        self.prefix.trim_end_matches('/')
    }

    /// What comes next. The same again until it [was told](Self::was_told).
    pub(super) async fn turn(&mut self, server: &JobServer) -> Result<Turn, JobError> {
        if self.next.is_empty() && self.end.is_none() {
            self.learn(&server.job(self.job).await?);
        }
        Ok(match (self.next.front(), self.end) {
            (Some(entry), _) => Turn::Entry(entry.clone()),
            (None, Some(state)) => Turn::Ended(state),
            (None, None) => Turn::Waiting,
        })
    }

    /// Goes past what comes next.
    pub(super) fn was_told(&mut self) {
        self.next.pop_front();
        self.told += 1;
    }

    /// Jobs are only ever added to a flow, so those that were told are the first.
    fn learn(&mut self, job: &Job) {
        let mut new = entries(job.flow_status.as_ref(), &self.prefix)
            .into_iter()
            .skip(self.told);
        self.next = new.by_ref().take(KEPT).collect();
        let all = new.next().is_none();
        self.end = Some(job.state()).filter(|state| all && state.is_final());
    }
}

/// A flow's jobs, in the order in which they begin; those that have not begun are not among them.
fn entries(status: Option<&FlowStatus>, prefix: &str) -> Vec<Entry> {
    let jobs = status.map(FlowStatus::jobs).unwrap_or_default();
    jobs.iter().map(|step| entry_of(step, prefix)).collect()
}

fn entry_of(step: &StepJob<'_>, prefix: &str) -> Entry {
    let id = step.module.id.as_deref().unwrap_or("step");
    let name = match step.nth {
        Some(number) => format!("{prefix}{id}/{number}"),
        None => format!("{prefix}{id}"),
    };
    Entry {
        job: step.job,
        name,
    }
}
