//! `millwright jobs list`.
//!
//! Always so: a line says how a job stands by the words that `--status` takes.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::cli::output::{self, plain};
use crate::cli::{CommandError, Exit};
use crate::store::jobs::{self, Filter, Job, JobState};
use crate::store::{Store, StoreError, Timestamp};

/// So many jobs are read at once.
const PAGE: u32 = 500;

/// Lists jobs, the newest first.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Those that stand so.
    #[arg(long, value_enum)]
    status: Option<Status>,
    /// Those of this flow or script.
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// The steps of flows too.
    #[arg(long)]
    steps: bool,
    /// At most so many.
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// Prints them as a JSON list.
    #[arg(long)]
    json: bool,
}

/// How a job stands, for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Status {
    Queued,
    Running,
    Succeeded,
    Skipped,
    Failed,
    Cancelled,
}

/// Runs the command.
pub(super) async fn run(args: &ListArgs, store: &Store) -> Result<Exit, CommandError> {
    let found = find(args, store).await?;
    if args.json {
        let found: Vec<Value> = found.iter().map(json_of).collect();
        output::line(Value::from(found));
    } else {
        for job in &found {
            output::line(line(job));
        }
    }
    Ok(Exit::Done)
}

/// The jobs that are asked for, found page by page: the table does not know every status by its word.
async fn find(args: &ListArgs, store: &Store) -> Result<Vec<Job>, StoreError> {
    let most = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    let mut offset = 0;
    loop {
        let filter = Filter {
            path: args.path.clone(),
            outermost: !args.steps,
            success: args.status.and_then(Status::success),
            running: (args.status == Some(Status::Running)).then_some(true),
            limit: PAGE,
            offset,
            ..Filter::default()
        };
        let page = store
            .read(move |connection| jobs::list(connection, &filter))
            .await?;
        let is_last = page.len() < PAGE as usize;
        let is_wanted = |job: &Job| args.status.is_none_or(|status| status == Status::of(job));
        found.extend(page.into_iter().filter(is_wanted));
        if is_last || found.len() >= most {
            found.truncate(most);
            return Ok(found);
        }
        offset += PAGE;
    }
}

/// A job in one line.
pub(super) fn line(job: &Job) -> String {
    let name = job.path.as_deref().or(job.step_id.as_deref());
    format!(
        "{}  {:<9}  {}  {:>9}  {}",
        job.id,
        Status::of(job).as_str(),
        job.created_at.to_row_text(),
        took(job),
        plain(&name.unwrap_or(job.kind.as_str()).into()),
    )
}

/// A job as JSON, without what it was given and what it yielded.
pub(super) fn json_of(job: &Job) -> Value {
    let time = |time: Option<Timestamp>| time.map(Timestamp::to_windmill_text);
    json!({
        "id": job.id.to_string(),
        "status": Status::of(job).as_str(),
        "kind": job.kind.as_str(),
        "path": job.path,
        "step_id": job.step_id,
        "parent": job.parent.map(|id| id.to_string()),
        "root": job.root.to_string(),
        "created_at": job.created_at.to_windmill_text(),
        "started_at": time(job.started_at),
        "completed_at": time(job.completed_at),
        "canceled_by": job.canceled.as_ref().map(|wish| wish.by.clone()),
        "canceled_reason": job.canceled.as_ref().map(|wish| wish.reason.clone()),
    })
}

/// How long a job has run, to the millisecond.
fn took(job: &Job) -> String {
    let Some(begun) = job.started_at else {
        return String::new();
    };
    let until = job.completed_at.unwrap_or_else(Timestamp::now);
    seconds(until.0 - begun.0)
}

/// Microseconds as seconds.
pub(super) fn seconds(micros: i64) -> String {
    let millis = micros.max(0) / 1000;
    format!("{}.{:03} s", millis / 1000, millis % 1000)
}

impl Status {
    pub(super) fn of(job: &Job) -> Self {
        match (job.state, job.success) {
            (JobState::Queued, _) => Self::Queued,
            (JobState::Running, _) => Self::Running,
            (JobState::Completed, Some(true)) if job.skipped => Self::Skipped,
            (JobState::Completed, Some(true)) => Self::Succeeded,
            (JobState::Completed, _) if job.canceled.is_some() => Self::Cancelled,
            (JobState::Completed, _) => Self::Failed,
        }
    }

    /// What the table says of all that stand so.
    fn success(self) -> Option<bool> {
        match self {
            Self::Succeeded | Self::Skipped => Some(true),
            Self::Failed | Self::Cancelled => Some(false),
            Self::Queued | Self::Running => None,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}
