//! `millwright jobs`: the mill's jobs, also those of runs that are over.
//!
//! Always so: the database alone is asked and told; the process that runs a job hears of it within a second.

mod cancel;
mod list;
mod logs;
mod resume;
mod show;

use clap::{Args, Subcommand};
use millwright_core::refs::JobId;

use super::serve::block_on;
use super::{CommandError, Exit};
use crate::store::{DEFAULT_ADDRESS, Store, StoreError, StoreOptions};

/// Shows the jobs that ran on this machine, cancels them, and answers those that wait for people.
#[derive(Debug, Args)]
pub(super) struct JobsArgs {
    #[command(subcommand)]
    command: JobsCommand,
    /// The database.
    #[arg(long, global = true, value_name = "ADDRESS", default_value = DEFAULT_ADDRESS)]
    database: String,
}

#[derive(Debug, Subcommand)]
enum JobsCommand {
    /// Lists jobs, the newest first.
    List(list::ListArgs),
    /// Shows a job: how it stands, when each of its steps ran, what it was given and what it yielded.
    Show(show::ShowArgs),
    /// Prints a job's log; a flow's is that of its steps, in order.
    Logs(logs::LogsArgs),
    /// Cancels a job, and waits until it has ended.
    Cancel(cancel::CancelArgs),
    /// Answers a flow that waits for people: yes, or with --cancel no.
    Resume(resume::ResumeArgs),
}

/// Runs the command.
pub(super) fn run(args: &JobsArgs) -> Result<Exit, CommandError> {
    let options = StoreOptions::parse(&args.database)?;
    let store =
        Store::open(&options).map_err(|error| CommandError::in_database(error, &args.database))?;
    match &args.command {
        JobsCommand::List(list) => block_on(list::run(list, &store)),
        JobsCommand::Show(show) => block_on(show::run(show, &store)),
        JobsCommand::Logs(logs) => block_on(logs::run(logs, &store)),
        JobsCommand::Cancel(cancel) => block_on(cancel::run(cancel, &store)),
        JobsCommand::Resume(resume) => block_on(resume::run(resume, &store)),
    }
}

/// What is said where a job cannot be had.
fn no_job(error: StoreError, job: JobId) -> CommandError {
    match error {
        StoreError::NotFound(_) => {
            let message = format!(
                "the database knows no job {job}: `millwright jobs list` lists them, and --database names another"
            );
            CommandError::new(Exit::BadInput, message)
        }
        error => error.into(),
    }
}
