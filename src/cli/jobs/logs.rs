//! `millwright jobs logs`.
//!
//! Always so: what is printed is what the refs API has as the log of a run of this job.

use std::time::Duration;

use clap::Args;
use millwright_core::refs::JobId;

use super::list::Status;
use super::no_job;
use crate::cli::{CommandError, Exit, output};
use crate::mill;
use crate::server::{JobLogReader, Unreadable};
use crate::store::{Store, jobs};

/// So often a log that is followed is read.
const LOOK: Duration = Duration::from_millis(250);

/// Prints a job's log.
#[derive(Debug, Args)]
pub(super) struct LogsArgs {
    /// The job.
    #[arg(value_name = "JOB")]
    job: JobId,
    /// Goes on until the job ends, or Ctrl-C; ends with 1 where the job did not end well.
    #[arg(short, long)]
    follow: bool,
}

/// Runs the command.
pub(super) async fn run(args: &LogsArgs, store: &Store) -> Result<Exit, CommandError> {
    let id = args.job;
    let get = || store.read(move |connection| jobs::get(connection, id));
    get().await.map_err(|error| no_job(error, id))?;
    let mut log = JobLogReader::open(store, id).await.map_err(unreadable)?;
    loop {
        let next = log.next().await.map_err(unreadable)?;
        output::part(&next.text);
        if next.ended || (next.at_end && !args.follow) {
            break;
        }
        if next.at_end && mill::is_abandoned(store, id).await? {
            let message = format!(
                "the process that ran the job {id} is gone: `millwright up` goes on with a flow, `millwright jobs cancel` ends it"
            );
            return Err(CommandError::new(Exit::Failed, message));
        }
        if next.at_end {
            tokio::time::sleep(LOOK).await;
        }
    }
    if !args.follow {
        return Ok(Exit::Done);
    }
    let status = Status::of(&get().await?);
    output::note(format_args!("the job has {}", status.as_str()));
    Ok(match status {
        Status::Succeeded | Status::Skipped => Exit::Done,
        _ => Exit::Failed,
    })
}

fn unreadable(error: Unreadable) -> CommandError {
    CommandError::new(Exit::Unavailable, error)
}
