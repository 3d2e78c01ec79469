//! Pull requests: what became of the attempt to open one for a protocol.
//!
//! Always so: each attempt is an event, and a protocol keeps the address of the request that is open.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::words;
use super::{Decision, EventType, NewEvent, Snapshot};

words! {
    /// What became of the attempt to open a pull request.
    PullRequestOutcome is a "outcome of a pull request" {
        /// A job begins to open it.
        Enqueued = "enqueued",
        /// It is open now.
        Opened = "opened",
        /// The branch had one already.
        Exists = "exists",
        /// It could not be opened.
        Failed = "failed",
        /// There is no repository, or none that it could be opened in.
        Skipped = "skipped",
    }
}

/// What whoever opens pull requests reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PullRequestReport {
    /// What became of it.
    pub outcome: PullRequestOutcome,
    /// The same in a sentence.
    pub message: String,
    /// The protocol's branch.
    pub branch: Option<String>,
    /// The address of the pull request.
    pub url: Option<String>,
    /// Its number.
    pub number: Option<i64>,
    /// The repository that it is to be opened in, without anything secret.
    pub git_url: Option<String>,
    /// Whether the branch was pushed; false where there is no remote, null where nobody came so far, or pushing failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed: Option<bool>,
    /// The job that is about to open it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub job_id: Option<String>,
}

/// The events that tell of the attempt, and of the branch on its way.
pub fn pull_request_reported(snapshot: &Snapshot, report: &PullRequestReport) -> Decision {
    let mut decision = Decision::from(snapshot);
    tell_of_push(&mut decision, report);
    let event_type = match report.outcome {
        PullRequestOutcome::Enqueued => EventType::OpenPrEnqueued,
        PullRequestOutcome::Opened => EventType::OpenPr,
        PullRequestOutcome::Exists => EventType::OpenPrBranchExists,
        PullRequestOutcome::Failed => EventType::OpenPrFailed,
        PullRequestOutcome::Skipped => EventType::OpenPrSkipped,
    };
    let mut event = NewEvent::new(event_type, report.message.clone());
    let texts = [
        ("branch", &report.branch),
        ("pr_url", &report.url),
        ("git_url", &report.git_url),
    ];
    for (key, value) in texts {
        if let Some(value) = value {
            event = event.with(key, value.as_str());
        }
    }
    if let Some(number) = report.number {
        event = event.with("pr_number", number);
    }
    if report.outcome == PullRequestOutcome::Enqueued {
        event = event.with("job_id", report.job_id.clone());
    }
    decision.emit(event);
    decision
}

fn tell_of_push(decision: &mut Decision, report: &PullRequestReport) {
    let (event_type, how) = match report.pushed {
        None => return,
        Some(true) => (EventType::SetupBranchPushed, "was pushed"),
        Some(false) => (
            EventType::SetupBranchPushSkipped,
            "was not pushed: there is no remote",
        ),
    };
    let name = report.branch.as_deref().unwrap_or("The branch");
    let event = NewEvent::new(event_type, format!("{name} {how}."));
    let event = event.with("branch", report.branch.clone());
    decision.emit(event.with("pushed", report.pushed));
}
