//! Runs and artifacts as the refs API takes and gives them.
//!
//! Always so: the names are those of the tables `codex_runs` and `run_artifacts`, and of the API.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{JobId, Resource, RunId};

/// The artifact that is the log of a run's agent.
pub const AGENT_LOG: &str = "agent.log";

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Registered, not begun.
    Queued,
    /// Under way.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Ended by someone's wish.
    Cancelled,
}

/// A run: a row of `codex_runs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Run {
    /// The run's id; by default the Windmill job's.
    pub run_id: String,
    /// What kind of job it is, such as `windmill_run_next_step`.
    pub job_type: String,
    /// How it stands.
    pub status: RunStatus,
    /// When it was registered: `YYYY-MM-DD HH:MM:SS`, UTC.
    pub created_at: String,
    /// When it last changed: `YYYY-MM-DD HH:MM:SS`, UTC.
    pub updated_at: String,
    /// What the run is for, such as `exec`.
    pub run_kind: Option<String>,
    /// The project that it belongs to.
    pub project_id: Option<i64>,
    /// The protocol run that it belongs to.
    pub protocol_run_id: Option<i64>,
    /// The step run that it belongs to.
    pub step_run_id: Option<i64>,
    /// The queue that it came from.
    pub queue: Option<String>,
    /// Which attempt it is, from 1.
    pub attempt: Option<i64>,
    /// Who works on it.
    pub worker_id: Option<String>,
    /// When it began: RFC 3339 with microseconds and offset, UTC.
    pub started_at: Option<String>,
    /// When it ended: RFC 3339 with microseconds and offset, UTC.
    pub finished_at: Option<String>,
    /// Short hash of the prompt that it ran.
    pub prompt_version: Option<String>,
    /// What it was called with.
    pub params: Option<Value>,
    /// What it yielded.
    pub result: Option<Value>,
    /// What went wrong.
    pub error: Option<Value>,
    /// Where its log is: a job reference, or a file.
    pub log_path: Option<String>,
    /// Tokens spent.
    pub cost_tokens: Option<i64>,
    /// Cents spent.
    pub cost_cents: Option<i64>,
    /// In the answer to a start: a sentence for each association that does not exist and was dropped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// The body of `POST /codex/runs/start`. What is absent or null keeps its value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StartRun {
    /// What kind of job it is; kept as it was when the run exists.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub job_type: String,
    /// The run's id; a new UUID when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub run_id: Option<RunId>,
    /// What the run is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_kind: Option<String>,
    /// The project that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<i64>,
    /// The protocol run that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_run_id: Option<i64>,
    /// The step run that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_run_id: Option<i64>,
    /// The queue that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Which attempt it is; a higher one reopens a finished run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub attempt: Option<i64>,
    /// Who works on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_id: Option<String>,
    /// Short hash of the prompt that it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_version: Option<String>,
    /// What it was called with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub params: Option<Map<String, Value>>,
    /// Where its log is: a job reference, or a file; `runs/<run_id>/logs.txt` when never given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub log_path: Option<String>,
}

/// An artifact: a row of `run_artifacts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Artifact {
    /// The row's id; it stays when the artifact is registered again.
    pub id: i64,
    /// The run that it belongs to.
    pub run_id: String,
    /// Its name, one to a run, such as `windmill.logs`.
    pub name: String,
    /// What it is, such as `log`, `result` or `error`.
    pub kind: String,
    /// Where it is: a job reference, or a file.
    pub path: String,
    /// SHA-256 of its content, 64 lower-case hex digits.
    pub sha256: Option<String>,
    /// Its size in bytes.
    pub bytes: Option<i64>,
    /// When it was first registered: `YYYY-MM-DD HH:MM:SS`, UTC.
    pub created_at: String,
}

/// The body of `POST /codex/runs/{run_id}/artifacts/upsert`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpsertArtifact {
    /// The artifact's name, one to a run.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub name: String,
    /// What it is.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 100))]
    pub kind: String,
    /// Where it is.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub path: String,
    /// SHA-256 of its content, 64 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 64, max_length = 64))]
    pub sha256: Option<String>,
    /// Its size in bytes, not negative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub bytes: Option<i64>,
}

/// The body of `POST /codex/runs/{run_id}/finish`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FinishRun {
    /// `succeeded`, `failed` or `cancelled`.
    pub status: RunStatus,
    /// What it yielded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
    /// Tokens spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub cost_tokens: Option<i64>,
    /// Cents spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub cost_cents: Option<i64>,
}

/// The answer to `GET /codex/runs/{run_id}/logs/tail`, and the data of a `log` event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogTail {
    /// The run.
    pub run_id: String,
    /// Where the chunk begins, in bytes.
    pub offset: u64,
    /// Where to ask for the next, in bytes.
    pub next_offset: u64,
    /// Whether the chunk reaches the log's present end.
    pub eof: bool,
    /// The text; a UTF-8 character is never split.
    pub chunk: String,
}

/// The answer to `POST /codex/runs/{run_id}/logs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogAppended {
    /// The run.
    pub run_id: String,
    /// Where the next part begins, in bytes: all before it is kept.
    pub next_offset: u64,
}

impl RunStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [
        Self::Queued,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word in the API and the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status that a word means.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether the run has ended.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

impl UpsertArtifact {
    /// The artifact for one of a job's resources, named `<prefix>.<resource>`: `windmill` for a
    /// step's own job, `windmill.flow` for its flow's.
    pub fn of_job(prefix: &str, job: JobId, resource: Resource) -> Self {
        Self {
            name: format!("{prefix}.{}", resource.as_str()),
            kind: resource.artifact_kind().to_owned(),
            path: job.reference(resource).to_string(),
            sha256: None,
            bytes: None,
        }
    }
}

impl Resource {
    /// The kind of the artifact that refers to this resource: `log`, `result` or `error`.
    pub fn artifact_kind(self) -> &'static str {
        match self {
            Self::Logs => "log",
            Self::Result => "result",
            Self::Error => "error",
        }
    }
}
