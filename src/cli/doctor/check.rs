//! What was looked at, and what was found.
//!
//! Always so: what is wrong comes with what to do about it.

use std::time::Duration;

use serde::Serialize;

/// A look that takes longer than this has failed.
pub(super) const LIMIT: Duration = Duration::from_secs(15);

/// Something that was looked at.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// What.
    pub(super) name: &'static str,
    pub(super) status: Status,
    /// What was found, in a sentence.
    pub(super) says: String,
    /// What to do.
    pub(super) advice: Option<String>,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Ok,
    Warning,
    Wrong,
    Skipped,
}

impl Check {
    /// All is well.
    pub(super) fn ok(name: &'static str, says: impl Into<String>) -> Self {
        Self::new(name, Status::Ok, says, None)
    }

    /// It goes on so, though not everywhere.
    pub(super) fn warning(
        name: &'static str,
        says: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::new(name, Status::Warning, says, Some(advice.into()))
    }

    /// It does not go on so.
    pub(super) fn wrong(
        name: &'static str,
        says: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::new(name, Status::Wrong, says, Some(advice.into()))
    }

    /// It was not looked at, and why.
    pub(super) fn skipped(name: &'static str, says: impl Into<String>) -> Self {
        Self::new(name, Status::Skipped, says, None)
    }

    fn new(
        name: &'static str,
        status: Status,
        says: impl Into<String>,
        advice: Option<String>,
    ) -> Self {
        Self {
            name,
            status,
            says: says.into(),
            advice,
        }
    }
}

/// What a piece of work yields, where that comes in time.
pub(super) async fn in_time<T, E: std::fmt::Display>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, String> {
    match tokio::time::timeout(LIMIT, work).await {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer in {} s", LIMIT.as_secs())),
    }
}
