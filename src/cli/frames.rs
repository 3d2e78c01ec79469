//! A stream of a server's events, over as many connections as it takes.
//!
//! Always so: a connection that breaks is made anew, and goes on after the last event that was taken.

use std::time::Duration;

use serde_json::Value;

use super::remote::Remote;
use super::{CommandError, Exit};
use crate::utf8::take_whole;

/// Between two attempts to connect, and how many there are.
const PAUSE: Duration = Duration::from_secs(1);
const ATTEMPTS: u32 = 5;

/// An event of a stream: its name and data.
pub(super) struct Frame<'a> {
    pub(super) event: &'a str,
    pub(super) data: Value,
}

/// Takes the events of the stream at `path` until its event `end`, whose data is given.
///
/// # Errors
/// Where the server refuses, the stream ends with an event `error`, or no connection brings anything new.
pub(super) async fn follow(
    path: &str,
    remote: &Remote,
    mut take: impl FnMut(Frame<'_>),
) -> Result<Value, CommandError> {
    let mut reader = Reader::default();
    let mut failures = 0;
    loop {
        let before = reader.last_id.clone();
        match reader.read(path, remote, &mut take).await {
            Ok(Some(end)) => return Ok(end),
            Err(error) if error.exit != Exit::Unavailable || failures >= ATTEMPTS => {
                return Err(error);
            }
            Ok(None) if failures >= ATTEMPTS => return Err(nothing_comes()),
            Ok(None) | Err(_) => {}
        }
        failures = if reader.last_id == before {
            failures + 1
        } else {
            0
        };
        tokio::time::sleep(PAUSE).await;
    }
}

fn nothing_comes() -> CommandError {
    let message =
        "the server ends the stream again and again: is there a proxy before it that does?";
    CommandError::new(Exit::Unavailable, message)
}

#[derive(Default)]
struct Reader {
    text: String,
    last_id: Option<String>,
}

impl Reader {
    /// Takes what comes until the connection ends; gives the stream's end, where it was that.
    async fn read(
        &mut self,
        path: &str,
        remote: &Remote,
        take: &mut impl FnMut(Frame<'_>),
    ) -> Result<Option<Value>, CommandError> {
        self.text.clear();
        let mut answer = remote.stream(path, self.last_id.as_deref()).await?;
        let mut bytes = Vec::new();
        while let Ok(Some(part)) = answer.chunk().await {
            bytes.extend_from_slice(&part);
            self.text
                .push_str(&take_whole(&mut bytes, |bad| "?".repeat(bad)));
            while let Some((frame, rest)) = self.text.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some(end) = self.take(&frame, take)? {
                    return Ok(Some(end));
                }
            }
        }
        Ok(None)
    }

    fn take(
        &mut self,
        frame: &str,
        take: &mut impl FnMut(Frame<'_>),
    ) -> Result<Option<Value>, CommandError> {
        let field = |name| frame.lines().find_map(|line| line.strip_prefix(name));
        let data = field("data: ").and_then(|data| serde_json::from_str(data).ok());
        let data: Value = data.unwrap_or_default();
        match field("event: ") {
            Some("end") => return Ok(Some(data)),
            Some("error") => {
                let detail = data["detail"].as_str().unwrap_or("the stream failed");
                return Err(CommandError::new(Exit::Unavailable, detail));
            }
            Some(event) => take(Frame { event, data }),
            None => return Ok(None),
        }
        self.last_id = field("id: ").map(str::to_owned);
        Ok(None)
    }
}
