//! What can go wrong when an API is called.
//!
//! Always so: a message names method, path and reason, and never holds the token.

use serde_json::Value;

use crate::host::{Method, Secret, SendError};

/// As much of an answer that is no JSON is shown.
const LONGEST_DETAIL: usize = 500;

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The environment names no usable address.
    #[error("{variable} is no address of an API: {problem}")]
    BadAddress {
        /// The environment variable.
        variable: &'static str,
        /// What is wrong with its value, which may hold a secret and is not shown.
        problem: &'static str,
    },
    /// The token cannot be sent in a header.
    #[error(
        "TASKSGODZILLA_API_TOKEN cannot be sent: it holds a space, a line end or a character beyond ASCII"
    )]
    BadToken,
    /// The API cannot be reached or gave no whole answer.
    #[error("{method} {path}: no answer from {base}: {reason}")]
    NoAnswer {
        /// The method.
        method: Method,
        /// The path.
        path: String,
        /// The API's address.
        base: String,
        /// Why.
        reason: SendError,
    },
    /// The API refused, or failed.
    #[error("{method} {path}: the API answered {status}: {detail}")]
    Status {
        /// The method.
        method: Method,
        /// The path.
        path: String,
        /// The status code.
        status: u16,
        /// What the API says about it.
        detail: String,
    },
    /// The answer is not what the API is to give.
    #[error("{method} {path}: the answer of {base} is not understood: {reason}")]
    BadAnswer {
        /// The method.
        method: Method,
        /// The path.
        path: String,
        /// The API's address.
        base: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl ClientError {
    /// The status code, when the API answered with one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the API may do better a little later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::NoAnswer { reason, .. } => !matches!(reason, SendError::Refused(_)),
            Self::Status { status, .. } => matches!(status, 429 | 500 | 502 | 503 | 504),
            Self::BadAddress { .. } | Self::BadToken | Self::BadAnswer { .. } => false,
        }
    }

    /// Whether the request may have been carried out although no answer says so.
    pub fn may_be_done(&self) -> bool {
        match self {
            Self::NoAnswer { reason, .. } => {
                matches!(
                    reason,
                    SendError::ConnectionLost(_) | SendError::TimedOut(_)
                )
            }
            Self::Status { status, .. } => matches!(status, 502 | 504),
            Self::BadAddress { .. } | Self::BadToken | Self::BadAnswer { .. } => false,
        }
    }
}

/// A [`ClientError`] that does not know yet where it happened.
#[derive(Debug)]
pub(super) enum Problem {
    Send(SendError),
    Redirect(u16, Option<String>),
    Status(u16, String),
    Unlike(String),
}

impl Problem {
    pub(super) fn unlike(error: &serde_json::Error) -> Self {
        Self::Unlike(error.to_string())
    }

    pub(super) fn at(
        self,
        method: Method,
        path: &str,
        base: &str,
        token: Option<&Secret>,
    ) -> ClientError {
        let (path, base) = (path.to_owned(), base.to_owned());
        let clean = |text: String| token.map_or(text.clone(), |token| token.strike_from(&text));
        match self {
            Self::Send(reason) => ClientError::NoAnswer {
                method,
                path,
                base,
                reason,
            },
            Self::Redirect(status, to) => {
                let to = to.map_or_else(
                    || "elsewhere".to_owned(),
                    |to| format!("to {}", without_query(&to)),
                );
                let detail = format!(
                    "it redirects {}; name the API by the address that it has",
                    clean(to)
                );
                ClientError::Status {
                    method,
                    path,
                    status,
                    detail,
                }
            }
            Self::Status(status, detail) => ClientError::Status {
                method,
                path,
                status,
                detail: clean(detail),
            },
            Self::Unlike(reason) => ClientError::BadAnswer {
                method,
                path,
                base,
                reason: clean(reason),
            },
        }
    }
}

fn without_query(address: &str) -> &str {
    address.split(['?', '#']).next().unwrap_or_default()
}

/// What an error answer says: its `detail`, as text or as a list of places and messages, else the answer itself.
pub(super) fn detail(body: &str) -> String {
    let value: Option<Value> = serde_json::from_str(body).ok();
    let said = value.as_ref().and_then(|value| value.get("detail"));
    let text = match said {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(places)) => places.iter().map(place).collect::<Vec<_>>().join("; "),
        Some(other) => other.to_string(),
        None => body.trim().to_owned(),
    };
    if text.is_empty() {
        return "no reason given".to_owned();
    }
    shorten(&text)
}

fn place(one: &Value) -> String {
    let words = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let path = one.get("loc").and_then(Value::as_array);
    let path = path.map(|parts| parts.iter().map(words).collect::<Vec<_>>().join("."));
    let message = one.get("msg").map_or_else(|| one.to_string(), words);
    path.map_or_else(|| message.clone(), |path| format!("{path}: {message}"))
}

fn shorten(text: &str) -> String {
    let line = text.replace(['\r', '\n'], " ");
    match line.char_indices().nth(LONGEST_DETAIL) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::detail;

    #[test]
    fn the_detail_of_an_error_is_one_line() {
        let list = r#"{"detail":[{"type":"missing","loc":["body","kind"],"msg":"Field required"},{"loc":["body",0],"msg":"no"}]}"#;
        for (body, shown) in [
            (r#"{"detail":"Run not found"}"#, "Run not found"),
            (list, "body.kind: Field required; body.0: no"),
            ("Internal\nServer Error", "Internal Server Error"),
            ("", "no reason given"),
            (r#"{"error":1}"#, r#"{"error":1}"#),
        ] {
            assert_eq!(detail(body), shown);
        }
        assert_eq!(detail(&"ü".repeat(900)).chars().count(), 501);
    }
}
