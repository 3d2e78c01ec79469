//! `millwright protocol events`: what happened, and with `--follow` what happens.
//!
//! Always so: a connection that breaks is made anew, and goes on after the last event that was printed.

use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::show;
use crate::cli::remote::Remote;
use crate::cli::{CommandError, Exit, output};
use crate::utf8::take_whole;

/// So many events are asked for at once.
const PAGE: usize = 500;
/// Between two attempts to connect, and how many there are.
const PAUSE: Duration = Duration::from_secs(1);
const ATTEMPTS: u32 = 5;

#[derive(Debug, Args)]
pub(super) struct EventsArgs {
    /// The protocol's id; the events of all when absent.
    protocol: Option<i64>,
    /// Goes on until the protocol ends, or Ctrl-C.
    #[arg(short, long)]
    follow: bool,
    /// Those of a step, by its id.
    #[arg(long, value_name = "ID")]
    step: Option<i64>,
    /// Those of these types, with commas between them.
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// Those from this moment on, such as `2026-11-21T10:16:33Z`.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Those before this moment.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Those after the event with this id.
    #[arg(long, value_name = "ID")]
    after: Option<i64>,
}

/// Runs the command.
pub(super) async fn run(
    args: &EventsArgs,
    json: bool,
    remote: &Remote,
) -> Result<Exit, CommandError> {
    if let Some(id) = args.protocol {
        remote.get(&format!("/protocols/{id}")).await?;
    }
    if args.follow {
        follow(args, json, remote).await?;
    } else {
        list(args, json, remote).await?;
    }
    Ok(Exit::Done)
}

async fn list(args: &EventsArgs, json: bool, remote: &Remote) -> Result<(), CommandError> {
    let mut after = args.after;
    loop {
        let query = args.query(after);
        let page = remote.get(&format!("/events?limit={PAGE}&{query}")).await?;
        let page = page.as_array().map(Vec::as_slice).unwrap_or_default();
        for event in page {
            tell(event, json);
        }
        after = page.last().and_then(|last| last["id"].as_i64()).or(after);
        if page.len() < PAGE {
            return Ok(());
        }
    }
}

async fn follow(args: &EventsArgs, json: bool, remote: &Remote) -> Result<(), CommandError> {
    let path = format!("/events/stream?{}", args.query(args.after));
    let mut reader = Frames::default();
    let mut failures = 0;
    loop {
        let before = reader.last_id.clone();
        match reader.read(&path, json, remote).await {
            Ok(true) => return Ok(()),
            Err(error) if error.exit != Exit::Unavailable || failures >= ATTEMPTS => {
                return Err(error);
            }
            Ok(false) | Err(_) => {}
        }
        failures = if reader.last_id == before {
            failures + 1
        } else {
            0
        };
        tokio::time::sleep(PAUSE).await;
    }
}

fn tell(event: &Value, json: bool) {
    if json {
        output::line(event);
    } else {
        show::event(event);
    }
}

impl EventsArgs {
    fn query(&self, after: Option<i64>) -> String {
        let number = |number: Option<i64>| number.map(|number| number.to_string());
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [
            ("protocol_run_id", number(self.protocol)),
            ("step_run_id", number(self.step)),
            ("event_type", self.event_type.clone()),
            ("since", self.since.clone()),
            ("until", self.until.clone()),
            ("after", number(after)),
        ] {
            if let Some(value) = value {
                query.append_pair(name, &value);
            }
        }
        query.finish()
    }
}

/// Reads a stream's events, over as many connections as it takes.
#[derive(Default)]
struct Frames {
    text: String,
    last_id: Option<String>,
}

impl Frames {
    /// Prints what comes until the connection ends; says whether that was the stream's end.
    async fn read(
        &mut self,
        path: &str,
        json: bool,
        remote: &Remote,
    ) -> Result<bool, CommandError> {
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
                if self.take(&frame, json)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Prints a frame's event; says whether it was the last.
    fn take(&mut self, frame: &str, json: bool) -> Result<bool, CommandError> {
        let field = |name| frame.lines().find_map(|line| line.strip_prefix(name));
        let data = field("data: ").and_then(|data| serde_json::from_str(data).ok());
        let data: Value = data.unwrap_or_default();
        match field("event: ") {
            Some("event") => tell(&data, json),
            Some("end") => return Ok(true),
            Some("error") => {
                let detail = data["detail"].as_str().unwrap_or("the stream failed");
                return Err(CommandError::new(Exit::Unavailable, detail));
            }
            _ => return Ok(false),
        }
        self.last_id = field("id: ").map(str::to_owned);
        Ok(false)
    }
}
