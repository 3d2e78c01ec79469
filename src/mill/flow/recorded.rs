//! What a run that is taken up again has behind it.
//!
//! Always so: a script that has ended is not run again; each job is given back to the step that it was of, in the order in
//! which they began.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use millwright_core::refs::JobId;
use serde_json::Value;

use super::frame::{Frame, Run};
use super::outcome::Ended;
use super::status::StepState;
use super::step::Step;
use crate::mill::new_job_id;
use crate::mill::owner::GONE;
use crate::store::StoreError;
use crate::store::jobs::{Job, JobState};

/// A step's jobs by the round or branch, each the next of its tries.
type Tries = HashMap<Option<String>, VecDeque<Known>>;

/// The jobs of a run that is taken up again; none of a new run.
#[derive(Default)]
pub(in crate::mill) struct Recorded {
    by_step: Mutex<HashMap<(JobId, String), Tries>>,
    /// Of each job, whether it has ended.
    ended: HashMap<JobId, bool>,
}

/// A job that a step had.
pub(super) struct Known {
    job: JobId,
    /// `None` where its process ended before it did.
    end: Option<End>,
}

struct End {
    success: bool,
    result: Arc<Value>,
}

impl Recorded {
    /// Of the jobs beneath a run's outermost job, the oldest first, with their results.
    pub(in crate::mill) fn of(jobs: impl IntoIterator<Item = Job>) -> Self {
        let mut recorded = Self::default();
        let mut by_step: HashMap<(JobId, String), Tries> = HashMap::new();
        for job in jobs {
            let (Some(parent), Some(step_id)) = (job.parent, job.step_id.clone()) else {
                continue;
            };
            recorded
                .ended
                .insert(job.id, job.state == JobState::Completed);
            let tries = by_step.entry((parent, step_id)).or_default();
            let part = part_of(&job).map(str::to_owned);
            tries.entry(part).or_default().push_back(Known::of(&job));
        }
        recorded.by_step = Mutex::new(by_step);
        recorded
    }

    /// The same of a run whose outermost job goes on.
    pub(in crate::mill) fn beneath(mut self, root: JobId) -> Self {
        self.ended.insert(root, false);
        self
    }

    /// Whether there is anything.
    pub(super) fn is_empty(&self) -> bool {
        self.ended.is_empty()
    }

    /// Whether a job that begins has ended long ago (`true`) or goes on (`false`); `None` of a new one.
    pub(super) fn has_ended(&self, job: JobId) -> Option<bool> {
        self.ended.get(&job).copied()
    }

    /// Whether a step has a job yet to come that is known.
    pub(super) fn knows_next(&self, parent: JobId, step_id: &str) -> bool {
        if self.is_empty() {
            return false;
        }
        let by_step = self.by_step();
        let tries = by_step.get(&(parent, step_id.to_owned()));
        tries.is_some_and(|tries| tries.values().any(|jobs| !jobs.is_empty()))
    }

    fn take(&self, parent: JobId, step_id: &str, part: Option<&str>) -> Option<Known> {
        if self.is_empty() {
            return None;
        }
        let mut by_step = self.by_step();
        let tries = by_step.get_mut(&(parent, step_id.to_owned()))?;
        tries.get_mut(&part.map(str::to_owned))?.pop_front()
    }

    fn by_step(&self) -> MutexGuard<'_, HashMap<(JobId, String), Tries>> {
        self.by_step
            .lock()
            .expect("nothing panics while it looks a job up")
    }
}

impl Run {
    /// Ends what an earlier process left open and this one did not come to.
    pub(super) async fn end_leftovers(&self) {
        if !self.recorded.is_empty() {
            self.mill.records.end_run(self.root, GONE).await;
        }
    }

    /// Whether a job that begins had begun in an earlier process, and not ended.
    pub(super) fn goes_on(&self, job: JobId) -> bool {
        self.recorded.has_ended(job) == Some(false)
    }
}

impl Frame {
    /// Whether a step of this frame has a job yet to come that it had in an earlier process.
    pub(super) fn knows_next(&self, step_id: &str) -> bool {
        self.run.recorded.knows_next(self.job, step_id)
    }
}

impl Known {
    fn of(job: &Job) -> Self {
        let result = job.result.as_deref().unwrap_or("null");
        let end = End {
            success: job.success == Some(true),
            result: Arc::new(serde_json::from_str(result).unwrap_or_default()),
        };
        Self {
            job: job.id,
            end: (job.state == JobState::Completed).then_some(end),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.end.is_some()
    }

    pub(super) fn job(&self) -> JobId {
        self.job
    }
}

/// Which round or branch a job is: what its path ends with.
fn part_of(job: &Job) -> Option<&str> {
    let path = job.path.as_deref().filter(|_| job.kind.is_part())?;
    path.rsplit('/').next()
}

impl Step<'_> {
    /// The job of the step's next try, or of its round or branch: the one that it had, or a new one.
    pub(super) fn next_job(&self, part: Option<&str>) -> JobId {
        self.known(part).map_or_else(new_job_id, |known| known.job)
    }

    /// The job that the step's next try had.
    pub(super) fn known(&self, part: Option<&str>) -> Option<Known> {
        let recorded = &self.frame.run.recorded;
        recorded.take(self.frame.job, &self.module.id, part)
    }

    /// Ends as the step's job has ended; one whose process ended before it did has failed.
    pub(super) async fn as_known(&self, known: Known) -> Result<Ended, StoreError> {
        let begun = self.begins(known.job);
        let Some(End { success, result }) = known.end else {
            self.frame.write_status(begun).await?;
            let records = &self.frame.run.mill.records;
            let result = records.abandon(known.job, GONE).await?;
            self.frame.write_status(self.ends(false)).await?;
            return Ok(Ended::failed(result));
        };
        self.ends(success);
        Ok(if success {
            Ended::Done(result)
        } else {
            Ended::failed((*result).clone())
        })
    }

    /// The same for a step that passes something on: one that had not ended goes on as the job that it was.
    pub(super) fn as_passed(&self, skipped: bool) -> Result<Arc<Value>, JobId> {
        let Some(known) = self.known(None) else {
            return Err(new_job_id());
        };
        let Some(end) = known.end else {
            return Err(known.job);
        };
        self.change(|status| {
            status.state = StepState::Success;
            status.job = Some(known.job);
            status.skipped = skipped;
        });
        Ok(end.result)
    }
}
