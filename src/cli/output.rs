//! What the commands print.
//!
//! Always so: results go to stdout, everything meant for a person's eyes goes to stderr. What cannot be printed stops no
//! work; it is told at the end.

use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;

use serde_json::Value;

/// Why stdout took no more, the first time that it did not.
static STDOUT_FAILED: OnceLock<io::Error> = OnceLock::new();

/// A line of the result.
pub(super) fn line(text: impl std::fmt::Display) {
    if STDOUT_FAILED.get().is_none()
        && let Err(error) = writeln!(io::stdout(), "{text}")
    {
        // Only the first failure counts.
        let _ = STDOUT_FAILED.set(error);
    }
}

/// A part of the result, as it is.
pub(super) fn part(text: &str) {
    let write = || {
        let mut stdout = io::stdout();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    };
    if STDOUT_FAILED.get().is_none()
        && let Err(error) = write()
    {
        // Only the first failure counts.
        let _ = STDOUT_FAILED.set(error);
    }
}

/// Why the result is not whole on stdout, where it is not. A reader that wants no more is no failure.
pub(super) fn failure() -> Option<&'static io::Error> {
    let failed = STDOUT_FAILED.get();
    failed.filter(|error| error.kind() != ErrorKind::BrokenPipe)
}

/// A line for the person who watches.
pub(super) fn note(text: impl std::fmt::Display) {
    // There is nowhere else to say it.
    let _ = writeln!(io::stderr(), "{text}");
}

/// A question, after which an answer is written on the same line.
pub(super) fn prompt(text: &str) {
    let mut stderr = io::stderr();
    // There is nowhere else to ask it.
    let _ = write!(stderr, "{text}").and_then(|()| stderr.flush());
}

/// What went wrong.
pub(super) fn error(text: impl std::fmt::Display) {
    note(format_args!("error: {text}"));
}

/// A JSON value for a line: a text without its quotes, nothing for null, and no control character that would move the cursor.
pub(super) fn plain(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.replace(char::is_control, " ")
}

/// The items of a JSON list; none of anything else.
pub(super) fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}
