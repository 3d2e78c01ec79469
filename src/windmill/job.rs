//! Jobs and flow statuses, as far as they are read here.
//!
//! Always so: a field that is not needed is not asked for, so newer servers are understood as well.

use millwright_core::catalog::Script;
use millwright_core::catalog::scripts::emit_tasksgodzilla_codex_refs as emit;
use millwright_core::refs::{JobId, RunStatus};
use serde::Deserialize;
use serde_json::Value;

/// A job, without its log and result.
#[expect(clippy::struct_excessive_bools, reason = "these are Windmill's")]
#[derive(Debug, Clone, Deserialize)]
pub struct Job {
    /// `QueuedJob` or `CompletedJob`.
    #[serde(rename = "type")]
    kind: String,
    /// Whether someone works on it.
    #[serde(default)]
    running: bool,
    /// Whether it ended well.
    #[serde(default)]
    success: bool,
    #[serde(default)]
    canceled: bool,
    #[serde(default)]
    is_skipped: bool,
    #[serde(default)]
    is_flow_step: bool,
    /// What it runs.
    pub script_path: Option<String>,
    /// When it began; of one that was cancelled before, nothing.
    pub started_at: Option<jiff::Timestamp>,
    /// When it ended.
    pub completed_at: Option<jiff::Timestamp>,
    /// The flow, round or branch that it is a step of.
    #[serde(rename = "parent_job")]
    pub parent: Option<JobId>,
    /// Of a flow: how its steps stand.
    pub flow_status: Option<FlowStatus>,
}

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// Nobody works on it yet.
    Queued,
    /// Someone works on it.
    Running,
    /// It ended well.
    Succeeded,
    /// It ended early, and counts as skipped.
    Skipped,
    /// It ended badly.
    Failed,
    /// It was cancelled.
    Cancelled,
}

/// How a flow's steps stand.
#[derive(Debug, Clone, Deserialize)]
pub struct FlowStatus {
    preprocessor_module: Option<Module>,
    #[serde(default)]
    modules: Vec<Module>,
    failure_module: Option<Module>,
    #[serde(default)]
    retry: Retry,
    /// Which step is under way.
    #[serde(default)]
    step: i64,
}

/// The failed attempts of the step that is under way.
#[derive(Debug, Clone, Default, Deserialize)]
struct Retry {
    #[serde(default)]
    failed_jobs: Vec<JobId>,
}

/// How one step stands.
#[derive(Debug, Clone, Deserialize)]
pub struct Module {
    /// The step's id.
    pub id: Option<String>,
    job: Option<JobId>,
    /// Of a loop or of branches: a job for each.
    flow_jobs: Option<Vec<JobId>>,
    /// How each of them ended; nothing of one that has not.
    flow_jobs_success: Option<Vec<Option<bool>>>,
    /// Attempts that failed before.
    #[serde(default)]
    failed_retries: Vec<JobId>,
    /// Of a choice between branches: what was chosen.
    pub branch_chosen: Option<BranchChosen>,
}

/// The branch that was chosen.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct BranchChosen {
    /// Its position, from 0; nothing where it is the one for when no other is chosen.
    pub branch: Option<usize>,
}

/// A job of a flow, and the step that it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct StepJob<'a> {
    /// The job.
    pub job: JobId,
    /// Its step.
    pub module: &'a Module,
    /// Which round or branch it is, from 0; nothing where the step has one job.
    pub nth: Option<usize>,
    /// How many jobs before it failed and were tried again.
    pub failed_tries: usize,
}

/// A job in a list.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Listed {
    /// The job.
    pub id: JobId,
}

/// A job's result, where there is one yet.
#[derive(Debug, Deserialize)]
pub struct MaybeResult {
    /// Nothing of a job that is not there.
    pub started: Option<bool>,
    /// Whether it ended well.
    pub success: Option<bool>,
    /// Whether it has ended.
    pub completed: bool,
    /// What it yielded.
    #[serde(default)]
    pub result: Value,
}

impl Job {
    /// Whether it is the step that registers its flow's run: its end says nothing about the flow.
    pub fn emits_references(&self) -> bool {
        let path = self.script_path.as_deref().unwrap_or_default();
        self.is_flow_step && path.rsplit('/').next() == Some(emit::Args::NAME)
    }

    /// How it stands.
    pub fn state(&self) -> JobState {
        match (self.kind.as_str(), self.running) {
            ("CompletedJob", _) if self.is_skipped => JobState::Skipped,
            ("CompletedJob", _) if self.success => JobState::Succeeded,
            ("CompletedJob", _) if self.canceled => JobState::Cancelled,
            ("CompletedJob", _) => JobState::Failed,
            (_, true) => JobState::Running,
            (_, false) => JobState::Queued,
        }
    }
}

impl JobState {
    /// The word in a flow's log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// How a run that follows the job then stands.
    pub fn run_status(self) -> RunStatus {
        match self {
            Self::Queued => RunStatus::Queued,
            Self::Running => RunStatus::Running,
            Self::Succeeded | Self::Skipped => RunStatus::Succeeded,
            Self::Failed => RunStatus::Failed,
            Self::Cancelled => RunStatus::Cancelled,
        }
    }

    /// Whether the job ended as it should.
    pub fn is_success(self) -> bool {
        matches!(self, Self::Succeeded | Self::Skipped)
    }

    /// Whether the job has ended.
    pub fn is_final(self) -> bool {
        self.run_status().is_final()
    }
}

impl FlowStatus {
    /// The flow's jobs, in the order in which they begin; those that have not begun are not among them.
    pub fn jobs(&self) -> Vec<StepJob<'_>> {
        let before = self.preprocessor_module.iter();
        let modules = before.chain(&self.modules).enumerate();
        let offset = usize::from(self.preprocessor_module.is_some());
        let mut jobs = Vec::new();
        for (position, module) in modules {
            let under_way = usize::try_from(self.step).is_ok_and(|step| step + offset == position);
            let retries = if under_way {
                self.retry.failed_jobs.as_slice()
            } else {
                &[]
            };
            jobs.extend(module.jobs(retries));
        }
        let after = self.failure_module.iter();
        jobs.extend(after.flat_map(|module| module.jobs(&[])));
        jobs
    }
}

impl Module {
    /// How many of its jobs are under way.
    pub fn under_way(&self) -> usize {
        let ends = self.flow_jobs_success.iter().flatten();
        ends.filter(|end| end.is_none()).count()
    }

    fn jobs(&self, retries: &[JobId]) -> Vec<StepJob<'_>> {
        let one = |job: JobId, nth: Option<usize>, failed_tries: usize| StepJob {
            job,
            module: self,
            nth,
            failed_tries,
        };
        if let Some(rounds) = self.flow_jobs.as_ref().filter(|jobs| !jobs.is_empty()) {
            let round = |(nth, job): (usize, &JobId)| one(*job, Some(nth), 0);
            return rounds.iter().enumerate().map(round).collect();
        }
        let failed = match self.failed_retries.as_slice() {
            [] => retries,
            failed => failed,
        };
        let last = self.job.iter().filter(|job| !failed.contains(job));
        let tries = failed.iter().chain(last).enumerate();
        tries.map(|(nth, job)| one(*job, None, nth)).collect()
    }
}
