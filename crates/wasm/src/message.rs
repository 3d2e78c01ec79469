//! What the module and the script around it say to each other.
//!
//! Always so: it is JSON, and each side has one type for all that it may say.

use millwright_step::host::Request;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the module wants done.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Asked {
    /// Send this, and answer with [`Answer::Answered`], [`Answer::TimedOut`] or [`Answer::Lost`].
    Send {
        request: Outgoing,
        /// So many milliseconds the whole answer may take.
        within: u64,
    },
    /// Answer with [`Answer::Slept`] after so many milliseconds.
    Sleep { time: u64 },
    /// It is over, and well.
    Done { result: Value },
    /// It is over: the job fails with this error.
    Failed { error: Value },
}

/// A request, as the script sends it.
#[derive(Debug, Serialize)]
pub(crate) struct Outgoing {
    method: &'static str,
    url: String,
    token: Option<String>,
    body: Option<String>,
    media_type: &'static str,
}

/// What came of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// A whole answer, of any status.
    Answered {
        status: u16,
        location: Option<String>,
        body: String,
    },
    /// The time was over.
    TimedOut,
    /// There was no whole answer, for this reason.
    Lost { reason: String },
    /// The time has passed.
    Slept,
}

/// What has to be done when the program is ended early.
#[derive(Debug, Serialize)]
pub(crate) struct AtTheEnd {
    /// Whether something is being begun that could not be ended yet.
    pub(crate) wait: bool,
    pub(crate) requests: Vec<Outgoing>,
}

impl From<&Request> for Outgoing {
    fn from(request: &Request) -> Self {
        Self {
            method: request.method.as_str(),
            url: request.url.clone(),
            token: request
                .token
                .as_ref()
                .map(|token| token.reveal().to_owned()),
            body: request.body.clone(),
            media_type: request.media_type,
        }
    }
}

/// A message as text.
pub(crate) fn text(message: &impl Serialize) -> String {
    serde_json::to_string(message).expect("messages have text keys and no number that JSON lacks")
}
