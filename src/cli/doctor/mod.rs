//! `millwright doctor`: looks from one side to the other whether everything is in its place, and says what to do.
//!
//! Always so: each look has an end, nothing is changed but for one short job on Windmill, and no secret is printed.

mod api;
mod check;
mod deployed;
mod machine;
mod probe;
mod windmill;

use clap::Args;
use console::style;
use serde_json::json;

use super::remote::RemoteArgs;
use super::serve::block_on;
use super::windmill_args::WindmillArgs;
use super::{CommandError, Exit, output, signals};
use crate::deploy::Place;
use check::{Check, Status};
use probe::Started;

/// Looks from one side to the other whether everything is in its place, and says what to do.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    server: RemoteArgs,
    /// Prints what was found as one JSON object.
    #[arg(long)]
    json: bool,
    /// Starts no job on Windmill: what only a job can tell is left out.
    #[arg(long)]
    no_job: bool,
    /// The folder that was deployed to, where it is another than `devgodzilla`.
    #[arg(long, value_name = "NAME")]
    folder: Option<Place>,
    #[command(flatten)]
    windmill: WindmillArgs,
}

/// Runs the command.
pub(super) fn run(args: &DoctorArgs) -> Result<Exit, CommandError> {
    block_on(look(args))
}

async fn look(args: &DoctorArgs) -> Result<Exit, CommandError> {
    let place = args.folder.clone().unwrap_or_default();
    let started = Started::default();
    let job = (!args.no_job).then_some(&started);
    let looks = async {
        tokio::join!(
            api::look(&args.server),
            windmill::look(&args.windmill, &place, job),
            machine::look(),
        )
    };
    let mut told =
        signals::told_to_end().map_err(|error| CommandError::new(Exit::Unavailable, error))?;
    let (api, windmill, machine) = tokio::select! {
        found = looks => found,
        exit = told.next() => {
            let reason = "it was told to end";
            let end = started.cancel(reason).await;
            return Err(CommandError::new(exit, format!("{reason}{end}")));
        }
    };
    let checks: Vec<Check> = [api, windmill, machine].into_iter().flatten().collect();
    let wrong = checks.iter().filter(|check| check.status == Status::Wrong);
    let wrong = wrong.count();
    if args.json {
        output::line(json!({"ok": wrong == 0, "checks": checks}));
    } else {
        checks.iter().for_each(show);
    }
    if wrong == 0 {
        return Ok(Exit::Done);
    }
    let message = format!("{wrong} of {} checks found something wrong", checks.len());
    Err(CommandError::new(Exit::Failed, message))
}

fn show(check: &Check) {
    let mark = match check.status {
        Status::Ok => style("✓").green(),
        Status::Warning => style("!").yellow(),
        Status::Wrong => style("✗").red(),
        Status::Skipped => style("–").dim(),
    };
    output::line(format_args!("{mark} {:<22} {}", check.name, check.says));
    if let Some(advice) = &check.advice {
        output::line(format_args!("    {} {advice}", style("→").dim()));
    }
}
