//! Jobs and flow statuses, as far as they are read here.
//!
//! Always so: a field that is not needed is not asked for, so newer servers are understood as well.

use millwright_core::catalog::Script;
use millwright_core::catalog::scripts::emit_tasksgodzilla_codex_refs as emit;
use millwright_core::refs::{JobId, RunStatus};
use serde::Deserialize;
use serde_json::Value;

/// A job, without its log.
#[expect(clippy::struct_excessive_bools, reason = "these are Windmill's")]
#[derive(Debug, Clone, Deserialize)]
pub(in crate::server) struct Job {
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
    script_path: Option<String>,
    /// When it began; of one that was cancelled before, nothing.
    pub(in crate::server) started_at: Option<jiff::Timestamp>,
    /// When it ended.
    pub(in crate::server) completed_at: Option<jiff::Timestamp>,
    /// The flow, round or branch that it is a step of.
    #[serde(rename = "parent_job")]
    pub(in crate::server) parent: Option<JobId>,
    /// Of a flow: how its steps stand.
    pub(in crate::server) flow_status: Option<FlowStatus>,
}

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum JobState {
    Queued,
    Running,
    Succeeded,
    Skipped,
    Failed,
    Cancelled,
}

/// How a flow's steps stand.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::server) struct FlowStatus {
    pub(in crate::server) preprocessor_module: Option<Module>,
    #[serde(default)]
    pub(in crate::server) modules: Vec<Module>,
    pub(in crate::server) failure_module: Option<Module>,
    #[serde(default)]
    pub(in crate::server) retry: Retry,
    /// Which step is under way.
    #[serde(default)]
    pub(in crate::server) step: i64,
}

/// The failed attempts of the step that is under way.
#[derive(Debug, Clone, Default, Deserialize)]
pub(in crate::server) struct Retry {
    #[serde(default)]
    pub(in crate::server) failed_jobs: Vec<JobId>,
}

/// How one step stands.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::server) struct Module {
    pub(in crate::server) id: Option<String>,
    pub(in crate::server) job: Option<JobId>,
    /// Of a loop or of branches: a job for each.
    pub(in crate::server) flow_jobs: Option<Vec<JobId>>,
    /// Attempts that failed before.
    #[serde(default)]
    pub(in crate::server) failed_retries: Vec<JobId>,
}

/// A job in a list.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Listed {
    pub(super) id: JobId,
}

/// A job's result, where there is one yet.
#[derive(Debug, Deserialize)]
pub(in crate::server) struct MaybeResult {
    pub(in crate::server) started: Option<bool>,
    pub(in crate::server) success: Option<bool>,
    pub(in crate::server) completed: bool,
    #[serde(default)]
    pub(in crate::server) result: Value,
}

impl Job {
    /// Whether it is the step that registers its flow's run: its end says nothing about the flow.
    pub(in crate::server) fn emits_references(&self) -> bool {
        let path = self.script_path.as_deref().unwrap_or_default();
        self.is_flow_step && path.rsplit('/').next() == Some(emit::Args::NAME)
    }

    /// How it stands.
    pub(in crate::server) fn state(&self) -> JobState {
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
    pub(in crate::server) fn word(self) -> &'static str {
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
    pub(in crate::server) fn run_status(self) -> RunStatus {
        match self {
            Self::Queued => RunStatus::Queued,
            Self::Running => RunStatus::Running,
            Self::Succeeded | Self::Skipped => RunStatus::Succeeded,
            Self::Failed => RunStatus::Failed,
            Self::Cancelled => RunStatus::Cancelled,
        }
    }

    /// Whether the job has ended.
    pub(in crate::server) fn is_final(self) -> bool {
        self.run_status().is_final()
    }
}
