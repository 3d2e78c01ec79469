//! A job as the table holds it.
//!
//! Always so: JSON is kept as the text that was stored, so that no number loses a digit on its way through.

use std::str::FromStr;

use millwright_core::refs::JobId;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{Row, ToSql};

use crate::store::{StoreError, Timestamp};

/// What a job runs, in Windmill's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// A script by its path.
    Script,
    /// A script of a flow that has no path.
    Preview,
    /// A script of a flow that has one.
    FlowScript,
    /// A flow by its path.
    Flow,
    /// A flow that has no path, or a loop's round or a branch of one.
    FlowPreview,
    /// A loop's round or a branch of a flow that has a path.
    FlowNode,
    /// A step that passes the result before on.
    Identity,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It waits.
    Queued,
    /// It runs.
    Running,
    /// It ended.
    Completed,
}

/// Who ended a job before its time, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancellation {
    /// Who.
    pub by: String,
    /// Why; may be empty.
    pub reason: String,
}

/// A row of `jobs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The job's id.
    pub id: JobId,
    /// Its workspace.
    pub workspace: String,
    /// What it runs.
    pub kind: JobKind,
    /// How far it is.
    pub state: JobState,
    /// The flow, round or branch that it is a step of.
    pub parent: Option<JobId>,
    /// The outermost job; its own id where there is none.
    pub root: JobId,
    /// The step's id in its flow.
    pub step_id: Option<String>,
    /// The path of what it runs.
    pub path: Option<String>,
    /// A hash of what it runs.
    pub script_hash: Option<String>,
    /// The script's language.
    pub language: Option<String>,
    /// Who started it.
    pub created_by: String,
    /// When it was put in the queue.
    pub created_at: Timestamp,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// Whether it ended well.
    pub success: Option<bool>,
    /// Whether it was passed over, or stopped early by `skip_if_stopped`.
    pub skipped: bool,
    /// Whether someone wished it to end.
    pub canceled: Option<Cancellation>,
    /// Its result, as JSON text.
    pub result: Option<String>,
    /// How its steps stand, as JSON text.
    pub flow_status: Option<String>,
    /// Whether its inputs are what its preprocessor made of them.
    pub preprocessed: bool,
}

impl JobKind {
    const ALL: [Self; 7] = [
        Self::Script,
        Self::Preview,
        Self::FlowScript,
        Self::Flow,
        Self::FlowPreview,
        Self::FlowNode,
        Self::Identity,
    ];

    /// The word in the table and in Windmill's answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Preview => "preview",
            Self::FlowScript => "flowscript",
            Self::Flow => "flow",
            Self::FlowPreview => "flowpreview",
            Self::FlowNode => "flownode",
            Self::Identity => "identity",
        }
    }

    /// Whether the job is a loop's round or a branch, and no flow of its own; of those without a path it cannot be told.
    pub fn is_part(self) -> bool {
        matches!(self, Self::FlowNode | Self::FlowPreview)
    }

    /// Whether the job has steps of its own.
    pub fn is_flow(self) -> bool {
        matches!(self, Self::Flow | Self::FlowPreview | Self::FlowNode)
    }
}

impl JobState {
    const ALL: [Self; 3] = [Self::Queued, Self::Running, Self::Completed];

    /// The word in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
        }
    }
}

impl Job {
    pub(super) const COLUMNS: &str = "id, workspace, kind, state, parent, root, step_id, path, script_hash, \
        language, created_by, created_at, started_at, completed_at, success, skipped, canceled_by, \
        canceled_reason, result, flow_status, preprocessed";

    /// [`Self::COLUMNS`] without the two that can be large.
    pub(super) const LIST_COLUMNS: &str = "id, workspace, kind, state, parent, root, step_id, path, script_hash, \
        language, created_by, created_at, started_at, completed_at, success, skipped, canceled_by, \
        canceled_reason, NULL, NULL, preprocessed";

    /// [`Self::COLUMNS`] without the status of steps.
    pub(super) const RESULT_COLUMNS: &str = "id, workspace, kind, state, parent, root, step_id, path, script_hash, \
        language, created_by, created_at, started_at, completed_at, success, skipped, canceled_by, \
        canceled_reason, result, NULL, preprocessed";

    pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let canceled_by: Option<String> = row.get(16)?;
        let reason: Option<String> = row.get(17)?;
        Ok(Self {
            id: row.get::<_, Text<JobId>>(0)?.0,
            workspace: row.get(1)?,
            kind: row.get(2)?,
            state: row.get(3)?,
            parent: row.get::<_, Option<Text<JobId>>>(4)?.map(|text| text.0),
            root: row.get::<_, Text<JobId>>(5)?.0,
            step_id: row.get(6)?,
            path: row.get(7)?,
            script_hash: row.get(8)?,
            language: row.get(9)?,
            created_by: row.get(10)?,
            created_at: row.get(11)?,
            started_at: row.get(12)?,
            completed_at: row.get(13)?,
            success: row.get(14)?,
            skipped: row.get(15)?,
            canceled: canceled_by.map(|by| Cancellation {
                by,
                reason: reason.unwrap_or_default(),
            }),
            result: row.get(18)?,
            flow_status: row.get(19)?,
            preprocessed: row.get(20)?,
        })
    }
}

/// A column whose text parses to a `T`.
struct Text<T>(T);

impl<T: FromStr> FromSql for Text<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let parsed = value.as_str()?.parse();
        parsed.map(Self).map_err(|_| FromSqlError::InvalidType)
    }
}

impl FromSql for JobKind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.as_str() == text)
            .ok_or(FromSqlError::InvalidType)
    }
}

impl FromSql for JobState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        let mut all = Self::ALL.into_iter();
        all.find(|state| state.as_str() == text)
            .ok_or(FromSqlError::InvalidType)
    }
}

impl ToSql for JobKind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}

impl ToSql for JobState {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}

/// The number of a job's row.
pub(super) fn seq_of(connection: &rusqlite::Connection, id: JobId) -> Result<i64, StoreError> {
    let mut statement = connection.prepare_cached("SELECT seq FROM jobs WHERE id = ?1")?;
    match statement.query_row([id.to_string()], |row| row.get(0)) {
        Err(rusqlite::Error::QueryReturnedNoRows) => Err(StoreError::NotFound("job")),
        other => Ok(other?),
    }
}
