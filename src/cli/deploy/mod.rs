//! `millwright deploy`: compares a Windmill workspace with what it should hold, and brings it there.
//!
//! Always so: without `--apply` nothing is changed, and no token is printed.

mod show;
mod wishes;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;

use super::serve::{block_on, unavailable};
use super::windmill_args::WindmillArgs;
use super::{CommandError, Exit, output, signals};
use crate::deploy::{Applied, End, Plan, WorkspaceError};
use crate::windmill::{Client, WindmillError};
use wishes::WishArgs;

/// Compares a Windmill workspace with the flows and scripts of this millwright, and brings it there.
#[derive(Debug, Args)]
pub(super) struct DeployArgs {
    /// Does it. Interrupted, it is run again, and goes on from there.
    #[arg(long, conflicts_with = "check")]
    apply: bool,
    /// Ends with 1 where the workspace is not as it should be.
    #[arg(long)]
    check: bool,
    /// Also removes what an earlier deployment made and is no longer wanted.
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    wishes: WishArgs,
    #[command(flatten)]
    windmill: WindmillArgs,
}

/// How the plan is printed.
#[derive(Debug, Args)]
struct FormArgs {
    /// Prints the plan as one JSON object.
    #[arg(long)]
    json: bool,
    /// Also names what is as it should be.
    #[arg(long)]
    verbose: bool,
}

/// Runs the command.
pub(super) fn run(args: &DeployArgs) -> Result<Exit, CommandError> {
    block_on(deploy(args))
}

async fn deploy(args: &DeployArgs) -> Result<Exit, CommandError> {
    let wishes = args.wishes.read()?;
    let client = args.windmill.client()?;
    let plan = Plan::make(&client, &wishes, args.prune).await;
    let plan = plan.map_err(|error| failed(&error))?;
    let mut shown = plan.to_json();
    if !args.form.json {
        show::plan(&plan, &client, args.form.verbose);
    }
    let foreign = plan.count("foreign");
    let is_drift = plan.is_drift();
    let outcome = if args.apply {
        let (applied, told) = apply(plan, &client).await?;
        shown["applied"] = show::applied(&applied);
        ended(applied, told)
    } else if !args.form.json {
        show::next(&plan, args.wishes.are_from_workers());
        Ok(Exit::Done)
    } else {
        Ok(Exit::Done)
    };
    if args.form.json {
        output::line(&shown);
    }
    match outcome? {
        Exit::Done if foreign > 0 => Err(CommandError::new(Exit::Failed, show::foreign(foreign))),
        Exit::Done if args.check && is_drift => {
            let message = "the workspace is not as it should be: run `millwright deploy --apply`";
            Err(CommandError::new(Exit::Failed, message))
        }
        exit => Ok(exit),
    }
}

/// Carries the plan out. Told to end, it ends after what is under way; told again, at once.
async fn apply(plan: Plan, client: &Client) -> Result<(Applied, Option<Exit>), CommandError> {
    let mut told = signals::told_to_end().map_err(unavailable)?;
    let stop = AtomicBool::new(false);
    let work = plan.apply(client, |entry| {
        if stop.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        show::progress(entry);
        ControlFlow::Continue(())
    });
    let mut work = std::pin::pin!(work);
    let mut exit = None;
    loop {
        tokio::select! {
            applied = &mut work => return Ok((applied, exit)),
            now = told.next() => {
                if exit.replace(now).is_some() {
                    let message = "broken off: run it again, it goes on from there";
                    return Err(CommandError::new(now, message));
                }
                stop.store(true, Ordering::Relaxed);
                output::note("ending after what is under way");
            }
        }
    }
}

fn ended(applied: Applied, told: Option<Exit>) -> Result<Exit, CommandError> {
    let (done, left) = (applied.done.len(), applied.left.len());
    match applied.end {
        End::Whole => {
            output::note(format_args!(
                "{done} written; the workspace is as it should be"
            ));
            Ok(Exit::Done)
        }
        End::Stopped => {
            let message =
                format!("{done} written, {left} left: run it again, it goes on from there");
            Err(CommandError::new(
                told.unwrap_or(Exit::Interrupted),
                message,
            ))
        }
        End::Failed(error) => {
            let CommandError { exit, message } = failed(&error);
            let message = format!(
                "{message}\n{done} written, {left} left: once that is mended, run it again; it goes on from there"
            );
            Err(CommandError::new(exit, message))
        }
    }
}

fn failed(error: &WorkspaceError) -> CommandError {
    let exit = match error {
        WorkspaceError::Faults(_) => Exit::Failed,
        WorkspaceError::NoWorkspace { .. }
        | WorkspaceError::Packaging(_)
        | WorkspaceError::Windmill(WindmillError::NotFound { .. }) => Exit::BadInput,
        _ => Exit::Unavailable,
    };
    CommandError::new(exit, error)
}
