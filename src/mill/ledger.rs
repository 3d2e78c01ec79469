//! What happened to the jobs of a run that is kept in memory.
//!
//! Always so: jobs are in the order in which they began; a run that begins more of them than it may is ended.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use millwright_core::refs::JobId;
use serde_json::{Map, Value};

use super::flow::Finished;
use super::records::Opening;
use crate::store::jobs::JobKind;

/// What happened to the jobs of a run.
#[derive(Debug)]
pub struct Ledger {
    /// How many jobs may begin.
    most: usize,
    overrun: AtomicBool,
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    places: HashMap<JobId, usize>,
    jobs: Vec<NotedJob>,
    decisions: Vec<NotedDecision>,
}

/// A job as memory keeps it.
#[derive(Debug, Clone)]
pub struct NotedJob {
    /// The job.
    pub job: JobId,
    /// The place in the list of the flow, round or branch that it is a step of.
    pub parent: Option<usize>,
    /// What it runs.
    pub kind: JobKind,
    /// The step's id; of a round or branch that of its loop or branching.
    pub step_id: Option<String>,
    /// The path of what it runs.
    pub path: Option<String>,
    /// Its arguments.
    pub args: Arc<Map<String, Value>>,
    /// How it ended; `None` where it did not.
    pub end: Option<NotedEnd>,
    /// Its log.
    pub log: String,
}

/// How a job ended.
#[derive(Debug, Clone)]
pub struct NotedEnd {
    /// Whether it ended well.
    pub success: bool,
    /// Whether it was passed over, or stopped early as skipped.
    pub skipped: bool,
    /// Its result.
    pub result: Arc<Value>,
}

/// Something that was decided at a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotedDecision {
    /// The innermost flow that is no round or branch.
    pub flow: JobId,
    /// The step.
    pub step_id: String,
    /// What was decided.
    pub decision: Decision,
}

/// What can be decided at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Decision {
    /// `skip_if`: whether the step is passed over.
    Skip(bool),
    /// `stop_after_if`: whether the flow or loop ends.
    Stop(bool),
    /// A branch was chosen.
    Branch(usize),
    /// No branch applied.
    Default,
}

impl Ledger {
    /// An empty one for a run that may begin so many jobs.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            overrun: AtomicBool::new(false),
            pages: Mutex::default(),
        }
    }

    /// Whether more jobs began than may.
    pub fn is_overrun(&self) -> bool {
        self.overrun.load(Ordering::Relaxed)
    }

    /// The jobs, in the order in which they began.
    pub fn take_jobs(&self) -> Vec<NotedJob> {
        std::mem::take(&mut self.pages().jobs)
    }

    /// What was decided, in its order.
    pub fn take_decisions(&self) -> Vec<NotedDecision> {
        std::mem::take(&mut self.pages().decisions)
    }

    pub(super) fn begin(&self, opening: Opening<'_>) {
        let mut pages = self.pages();
        let place = pages.jobs.len();
        let parent = opening.parent;
        let parent = parent.and_then(|parent| pages.places.get(&parent).copied());
        if place >= self.most {
            self.overrun.store(true, Ordering::Relaxed);
        }
        pages.places.insert(opening.job, place);
        pages.jobs.push(NotedJob {
            job: opening.job,
            parent,
            kind: opening.beginning.kind,
            step_id: opening.step_id.map(str::to_owned),
            path: opening.beginning.path,
            args: opening.beginning.args,
            end: None,
            log: String::new(),
        });
    }

    pub(super) fn end(&self, job: JobId, finished: &Finished) {
        self.change(job, |noted| {
            noted.log.push_str(&finished.log);
            noted.end = Some(NotedEnd {
                success: finished.success,
                skipped: finished.skipped,
                result: Arc::clone(&finished.result),
            });
        });
    }

    pub(super) fn add_to_log(&self, job: JobId, text: &str) {
        self.change(job, |noted| noted.log.push_str(text));
    }

    pub(super) fn decide(&self, flow: JobId, step_id: &str, decision: Decision) {
        self.pages().decisions.push(NotedDecision {
            flow,
            step_id: step_id.to_owned(),
            decision,
        });
    }

    fn change(&self, job: JobId, change: impl FnOnce(&mut NotedJob)) {
        let mut pages = self.pages();
        if let Some(place) = pages.places.get(&job).copied()
            && let Some(noted) = pages.jobs.get_mut(place)
        {
            change(noted);
        }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages
            .lock()
            .expect("nothing panics while it writes down a job")
    }
}
