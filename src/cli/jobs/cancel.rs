//! `millwright jobs cancel`.
//!
//! Always so: a job is said to have ended only when the database says so.

use std::time::{Duration, Instant};

use clap::Args;
use millwright_core::refs::JobId;

use super::list::Status;
use super::no_job;
use crate::cli::{CommandError, Exit, output};
use crate::mill;
use crate::store::jobs::{self, CancelAnswer, Cancellation, JobState};
use crate::store::{Store, StoreError};

/// So often it is looked whether the job has ended.
const LOOK: Duration = Duration::from_millis(100);
/// So long its processes have for it, and the mill to write it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Cancels a job.
#[derive(Debug, Args)]
pub(super) struct CancelArgs {
    /// The job: a flow, or one step of it.
    #[arg(value_name = "JOB")]
    job: JobId,
    /// Why; it is kept with the job.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

/// Runs the command.
pub(super) async fn run(args: &CancelArgs, store: &Store) -> Result<Exit, CommandError> {
    let id = args.job;
    // Whoever ran it may be gone: then nobody would hear the wish.
    let ended_run = mill::end_abandoned_run(store, id).await;
    ended_run.map_err(|error| no_job(error, id))?;
    let wish = Cancellation {
        by: std::env::var("USER").unwrap_or_else(|_| "somebody".to_owned()),
        reason: args.reason.clone(),
    };
    let answer = store
        .write(move |connection| jobs::cancel(connection, id, &wish))
        .await
        .map_err(|error| no_job(error, id))?;
    let status = ended(store, id).await?;
    match (answer, status) {
        (_, None) => {
            let message = format!(
                "the job {id} was told to end, and has not in {} s: `millwright jobs show {id}` says how it stands",
                PATIENCE.as_secs()
            );
            Err(CommandError::new(Exit::Unavailable, message))
        }
        (CancelAnswer::AlreadyCompleted, Some(status)) => {
            output::note(format_args!(
                "the job had ended: it has {}",
                status.as_str()
            ));
            Ok(Exit::Done)
        }
        (CancelAnswer::Noted, Some(status)) => {
            output::note(format_args!("the job has {}", status.as_str()));
            Ok(Exit::Done)
        }
    }
}

/// How the job ended, where it does so in time.
async fn ended(store: &Store, id: JobId) -> Result<Option<Status>, StoreError> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let job = store
            .read(move |connection| jobs::get(connection, id))
            .await?;
        if job.state == JobState::Completed {
            return Ok(Some(Status::of(&job)));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(None)
}
