//! `millwright jobs show`: a job and the time line of its steps.
//!
//! Always so: a step stands below the flow, round or branch that it is a step of, in the order in which they began.

use clap::Args;
use millwright_core::refs::JobId;
use serde_json::{Value, json};

use super::list::{self, Status, seconds};
use super::no_job;
use crate::cli::output::{self, plain};
use crate::cli::{CommandError, Exit};
use crate::store::jobs::{self, Inputs, Job};
use crate::store::{Store, StoreError};

/// Shows a job.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The job.
    #[arg(value_name = "JOB")]
    job: JobId,
    /// Prints the flow that ran, exactly as it ran, as OpenFlow JSON.
    #[arg(long, conflicts_with = "json")]
    flow: bool,
    /// Prints all of it as one JSON object.
    #[arg(long)]
    json: bool,
}

/// A job with everything that belongs to it.
struct Whole {
    job: Job,
    inputs: Inputs,
    /// Its steps and theirs, the oldest first.
    steps: Vec<Job>,
}

/// Runs the command.
pub(super) async fn run(args: &ShowArgs, store: &Store) -> Result<Exit, CommandError> {
    let id = args.job;
    let whole = store.read(move |connection| {
        Ok::<_, StoreError>(Whole {
            job: jobs::get(connection, id)?,
            inputs: jobs::inputs(connection, id)?,
            steps: jobs::beneath(connection, id, false)?,
        })
    });
    let whole = whole.await.map_err(|error| no_job(error, id))?;
    if args.flow {
        return whole.print_flow();
    }
    if args.json {
        output::line(whole.to_json());
    } else {
        whole.print();
    }
    Ok(Exit::Done)
}

impl Whole {
    fn print_flow(&self) -> Result<Exit, CommandError> {
        let Some(value) = &self.inputs.raw_flow else {
            let message = format!("the job {} runs a script and no flow", self.job.id);
            return Err(CommandError::new(Exit::BadInput, message));
        };
        output::line(format_args!(
            "{:#}",
            json!({"summary": self.job.path, "value": parsed(value)})
        ));
        Ok(Exit::Done)
    }

    fn to_json(&self) -> Value {
        let mut whole = list::json_of(&self.job);
        whole["args"] = parsed(&self.inputs.args);
        whole["result"] = self.job.result.as_deref().map_or(Value::Null, parsed);
        whole["flow_status"] = self.job.flow_status.as_deref().map_or(Value::Null, parsed);
        whole["steps"] = self.steps.iter().map(list::json_of).collect();
        whole
    }

    fn print(&self) {
        output::line(list::line(&self.job));
        if let Some(wish) = &self.job.canceled {
            let by = plain(&wish.by.as_str().into());
            let reason = plain(&wish.reason.as_str().into());
            output::line(format_args!("  cancelled by {by}: {reason}"));
        }
        self.print_steps(self.job.id, 1);
        shown("args", &self.inputs.args);
        if let Some(result) = &self.job.result {
            shown("result", result);
        }
    }

    fn print_steps(&self, parent: JobId, depth: usize) {
        let begun = self.job.started_at.unwrap_or(self.job.created_at);
        for step in self.steps.iter().filter(|step| step.parent == Some(parent)) {
            let at = step.started_at.unwrap_or(step.created_at);
            let took = step.completed_at.map(|end| seconds(end.0 - at.0));
            output::line(format_args!(
                "{:>12}  {:>11}  {:<9}  {}{}  {}",
                format!("+{}", seconds(at.0 - begun.0)),
                took.unwrap_or_default(),
                Status::of(step).as_str(),
                "  ".repeat(depth - 1),
                name_of(step),
                step.id,
            ));
            self.print_steps(step.id, depth + 1);
        }
    }
}

/// What a step is called: its id, and of a round or branch which one.
fn name_of(step: &Job) -> String {
    let id = step.step_id.as_deref().unwrap_or_default();
    let part = step
        .path
        .as_deref()
        .and_then(|path| path.rsplit('/').next());
    let part = part.filter(|_| step.kind.is_part());
    plain(&match part {
        Some(part) => format!("{id} {part}").into(),
        None => id.into(),
    })
}

fn shown(name: &str, text: &str) {
    // JSON escapes control characters.
    output::line(format_args!("{name}:\n{:#}", parsed(text)));
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
