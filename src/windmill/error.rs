//! Why Windmill did not do what it was asked.
//!
//! Always so: each error says what was asked for, and what to do next; no token and no address with one inside is in it.

use reqwest::StatusCode;

/// So much of what Windmill says is repeated.
const MOST_TOLD: usize = 500;

/// Why Windmill did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WindmillError {
    /// It does not answer.
    #[error("no answer from Windmill at {address}: {reason}")]
    Unreachable {
        /// Its address.
        address: String,
        /// The innermost reason.
        reason: String,
    },
    /// It does not let the caller in.
    #[error(
        "Windmill at {address} refused the token ({status}): make one in its user settings, for the workspace {workspace}"
    )]
    Unauthorized {
        /// Its address.
        address: String,
        /// The workspace that was asked about.
        workspace: String,
        /// 401, 403, or 400 where there was no token.
        status: StatusCode,
    },
    /// There is no such thing.
    #[error("Windmill refused {what} (404 Not Found): {said}; are its address and the path right?")]
    NotFound {
        /// What was asked for.
        what: String,
        /// What it said.
        said: String,
    },
    /// It refused.
    #[error("Windmill refused {what} ({status}): {said}")]
    Refused {
        /// What was asked for.
        what: String,
        /// The answer's status.
        status: StatusCode,
        /// What it said.
        said: String,
    },
    /// It could not do it, which may pass.
    #[error("Windmill could not give {what}: {said}")]
    Failed {
        /// What was asked for.
        what: String,
        /// What it said.
        said: String,
    },
    /// It answers, but not what it should.
    #[error(
        "{address} answered {what} with what is not understood: {reason}; is it a Windmill of version 1.500 or newer?"
    )]
    BadAnswer {
        /// Its address.
        address: String,
        /// What was asked for.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl WindmillError {
    /// Whether there is no such thing.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}

/// The first part of what a server said, on one line. A page of HTML says nothing to a reader.
pub(super) fn told(text: &str) -> String {
    let text = text.trim();
    if text.starts_with('<') {
        return "a page of HTML".to_owned();
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST_TOLD) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.is_empty() => "it says nothing more".to_owned(),
        None => line,
    }
}

/// The innermost reason, which says more than "error sending request".
pub fn reason_of(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut innermost: &dyn std::error::Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    match innermost.to_string() {
        reason if error.is_timeout() => format!("no answer in time ({reason})"),
        reason => reason,
    }
}
