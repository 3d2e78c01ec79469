//! `millwright jobs resume`: yes or no to a flow that waits for people.
//!
//! Always so: of several flows that wait none is answered; which one is meant has to be said.

use clap::Args;
use millwright_core::refs::JobId;
use serde_json::Value;

use crate::cli::{CommandError, Exit, output};
use crate::mill::{self, Said};
use crate::store::Store;
use crate::store::jobs::{self, Waiting};

/// Answers a flow that waits for people.
#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// The job: of the flow, of the step after which it waits, or of anything around them.
    #[arg(value_name = "JOB")]
    job: JobId,
    /// Says no.
    #[arg(long)]
    cancel: bool,
    /// What is said beside yes or no, as JSON: `resume` in the next step's expressions.
    #[arg(long, value_name = "JSON", default_value = "null")]
    payload: String,
    /// Who answers.
    #[arg(long, value_name = "NAME")]
    approver: Option<String>,
}

/// Runs the command.
pub(super) async fn run(args: &ResumeArgs, store: &Store) -> Result<Exit, CommandError> {
    let value: Value = serde_json::from_str(&args.payload).map_err(|error| {
        bad(format!(
            "--payload is no JSON: {error}; text goes in quotation marks"
        ))
    })?;
    let job = args.job;
    let waiting = store
        .read(move |connection| jobs::waiting_at(connection, job))
        .await?;
    let waiting = only_one(waiting, job)?;
    let name = name_of(&waiting);
    let said = Said {
        approved: !args.cancel,
        value,
        approver: args.approver.clone(),
    };
    store
        .write(move |connection| mill::say(connection, &waiting, &said))
        .await?;
    let said = if args.cancel { "no" } else { "yes" };
    output::note(format_args!("said {said} to {name}"));
    Ok(Exit::Done)
}

fn only_one(mut waiting: Vec<Waiting>, job: JobId) -> Result<Waiting, CommandError> {
    match waiting.len() {
        0 => Err(bad(format!("no flow waits for people at job {job}"))),
        1 => Ok(waiting.remove(0)),
        _ => {
            let each = |waiting: &Waiting| format!("\n  {}", name_of(waiting));
            let list: String = waiting.iter().map(each).collect();
            Err(bad(format!(
                "several flows wait at job {job}; name one of them:{list}"
            )))
        }
    }
}

fn name_of(waiting: &Waiting) -> String {
    let step = waiting.step_id.as_deref().unwrap_or("?");
    format!("flow {} after step {step}", waiting.flow)
}

fn bad(message: String) -> CommandError {
    CommandError::new(Exit::BadInput, message)
}
