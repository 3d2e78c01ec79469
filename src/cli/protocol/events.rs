//! `millwright protocol events`: what happened, and with `--follow` what happens.
//!
//! Always so: what is printed, once or as it comes, looks the same.

use clap::Args;
use serde_json::Value;

use super::show;
use crate::cli::frames::{self, Frame};
use crate::cli::remote::Remote;
use crate::cli::{CommandError, Exit, output};

/// So many events are asked for at once.
const PAGE: usize = 500;

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
    let told = |frame: Frame<'_>| {
        if frame.event == "event" {
            tell(&frame.data, json);
        }
    };
    frames::follow(&path, remote, told).await.map(drop)
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
