//! `millwright run`: runs a flow or a script, on this machine without a Windmill server, or on Windmill.
//!
//! Always so: when a run on this machine ends, by itself or by Ctrl-C, no process of the job is left and the database says how it
//! ended.

mod api;
mod approval;
mod input;
mod logs;
mod question;
mod show;
mod target;
mod texts;
mod there;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use millwright_core::refs::JobId;
use serde_json::{Map, Value};

use super::serve::block_on;
use super::signals::Told;
use super::windmill_args::WindmillArgs;
use super::{CommandError, Exit, check_root, output, signals};
use crate::mill::{JobEnd, Mill, MillError, MillOptions, Sources, Started};
use crate::server::WorkOptions;
use crate::store::jobs::Cancellation;
use crate::store::{DEFAULT_ADDRESS, Store, StoreOptions};
use logs::Logs;
use show::{LogPlace, Shown};
use target::Target;

/// Runs a flow or a script: on this machine, or with `--on windmill` what was deployed there.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The path of a flow or script, such as `f/devgodzilla/run_next_step`; a flow's bare name; or a file that holds a
    /// flow as JSON or YAML. On Windmill: the path of what was deployed; a bare name is looked for here, and means else one of
    /// ours.
    #[arg(value_name = "FLOW|FILE", required_unless_present_any = ["follow", "of"])]
    target: Option<String>,
    /// Where it runs.
    #[arg(long, value_enum, value_name = "PLACE", default_value_t)]
    on: On,
    /// Follows a job that was started on Windmill, instead of starting one.
    #[arg(long, value_name = "JOB", conflicts_with_all = ["target", "values", "input"])]
    follow: Option<JobId>,
    /// Begins at this step of the run that --of names, with what that run had before it: the flow as it ran then, with its
    /// arguments.
    #[arg(long, value_name = "STEP", requires = "of", conflicts_with_all = ["target", "values", "input", "follow"])]
    from: Option<String>,
    /// The run that --from begins in the middle of.
    #[arg(long, value_name = "JOB", requires = "from")]
    of: Option<JobId>,
    /// An input. The flow's schema says how it is read; without one, JSON is JSON and anything else is text.
    #[arg(short = 'i', value_name = "KEY=VALUE")]
    values: Vec<String>,
    /// A file with inputs as a JSON object, `-` for stdin; each -i takes precedence.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Refuses inputs that are not as the schema of the flow or of the script's `.script.yaml` says; without it they are told,
    /// and it runs all the same, as on Windmill.
    #[arg(long)]
    strict: bool,
    /// Prints the result alone, as one line of JSON.
    #[arg(long)]
    json: bool,
    /// Shows every line of every script's log as it comes, with the step's name in front; on stderr, as all that is shown
    /// of a run beside its result.
    #[arg(long)]
    logs: bool,
    /// The project's folder, with flows/ and scripts/.
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// The database.
    #[arg(long, value_name = "ADDRESS", default_value = DEFAULT_ADDRESS)]
    database: String,
    #[command(flatten)]
    windmill: WindmillArgs,
}

/// Where a flow runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum On {
    /// On this machine.
    #[default]
    Here,
    /// On Windmill, where `millwright deploy` has put it. Ctrl-C asks before it ends there; without a terminal it goes on.
    Windmill,
}

/// Runs the command.
pub(super) fn run(args: &RunArgs) -> Result<Exit, CommandError> {
    match args.on {
        On::Windmill if args.of.is_some() => {
            let message =
                "--from begins in the middle of a run on this machine: leave --on windmill out";
            Err(CommandError::new(Exit::BadInput, message))
        }
        On::Windmill => block_on(there::run(args)),
        On::Here if args.follow.is_some() => {
            let message = "--follow is for jobs on Windmill: add --on windmill";
            Err(CommandError::new(Exit::BadInput, message))
        }
        On::Here => block_on(run_here(args)),
    }
}

impl RunArgs {
    /// The inputs. Those that are not as the schema says are refused or told.
    fn inputs(&self, schema: Option<&Value>) -> Result<Map<String, Value>, CommandError> {
        let inputs = input::read(&self.values, self.input.as_deref(), schema)?;
        let complaints = input::complaints(&inputs, schema)?;
        if self.strict && !complaints.is_empty() {
            return Err(input::refuse(&complaints));
        }
        for complaint in complaints {
            output::note(format_args!("note: {complaint}"));
        }
        Ok(inputs)
    }
}

/// What is to run on this machine.
enum Wanted<'a> {
    New(Target, Map<String, Value>),
    /// An earlier run, from this step on.
    Again(JobId, &'a str),
}

impl<'a> Wanted<'a> {
    fn of(args: &'a RunArgs, sources: &Sources) -> Result<Self, CommandError> {
        if let (Some(job), Some(step_id)) = (args.of, &args.from) {
            return Ok(Self::Again(job, step_id));
        }
        let target = Target::find(args.target.as_deref().unwrap_or_default(), sources)?;
        let inputs = args.inputs(target.schema())?;
        Ok(Self::New(target, inputs))
    }

    async fn start(self, mill: &Mill) -> Result<Started, MillError> {
        match self {
            Self::New(Target::Script { path, .. }, inputs) => {
                mill.run_script_at(&path, inputs).await
            }
            Self::New(Target::Flow { path, flow }, inputs) => {
                mill.run_flow(path.as_deref(), *flow, inputs).await
            }
            Self::Again(job, step_id) => mill.run_from(job, step_id).await,
        }
    }
}

async fn run_here(args: &RunArgs) -> Result<Exit, CommandError> {
    check_root(&args.root)?;
    let sources = Sources::of_project(&args.root);
    let wanted = Wanted::of(args, &sources)?;
    let database = StoreOptions::parse(&args.database)?;
    let of_database = |error| in_database(error, &args.database);
    let store = Store::open(&database).map_err(|error| of_database(error.into()))?;
    let api = api::prepare(MillOptions::of_this_process(sources)).await?;
    let shown = Shown {
        jobs: !args.json,
        logs: args.logs,
        place: api
            .named()
            .map(|url| log_place(url, &api.options().workspace)),
    };
    let mill = Mill::start(store, api.options())
        .await
        .map_err(of_database)?;
    let api = api.serve(&mill, WorkOptions::beside(&database.path))?;
    let told =
        signals::told_to_end().map_err(|error| CommandError::new(Exit::Unavailable, error))?;
    let watcher = (shown.jobs || shown.logs).then(|| {
        let logs = Logs::of(mill.store().clone());
        show::watch(mill.watch(), logs, shown)
    });
    let started = wanted.start(&mill).await.map_err(of_database)?;
    for note in &started.notes {
        output::note(format_args!("note: {note}"));
    }
    let asking = approval::ask_people(&mill, watcher.as_ref(), &args.database);
    let outcome = to_its_end(&mill, started, told, asking).await;
    api.close().await;
    if let Some(watcher) = watcher {
        watcher.finish().await;
    }
    let (end, told) = outcome.map_err(of_database)?;
    print_result(&end.result, args.json)?;
    Ok(exit_of(end.success, told))
}

/// Where an API that mounts a mill's routes has the logs of jobs.
fn log_place(api: &str, workspace: &str) -> LogPlace {
    let url = format!(
        "{}/api/w/{workspace}/jobs_u/get_logs",
        api.trim_end_matches('/')
    );
    LogPlace {
        before: format!(", from an API on this database: GET {url}/"),
        after: String::new(),
    }
}

/// Waits for the job, and ends it where someone says so.
async fn to_its_end(
    mill: &Mill,
    started: Started,
    mut told: Told,
    asking: impl Future<Output = ()>,
) -> Result<(JobEnd, Option<Exit>), MillError> {
    let job = started.job;
    let mut work = std::pin::pin!(started.wait());
    let exit = tokio::select! {
        end = &mut work => return Ok((end?, None)),
        exit = told.next() => exit,
        exit = async {
            asking.await;
            std::future::pending().await
        } => exit,
    };
    let wish = Cancellation {
        by: "admin".to_owned(),
        reason: "interrupted".to_owned(),
    };
    let ending = async {
        let noted = mill.cancel(job, wish).await;
        let end = work.await?;
        noted?;
        Ok((end, Some(exit)))
    };
    told.unless_again(mill, ending).await
}

/// Names the database where it did not do its part.
fn in_database(error: MillError, address: &str) -> CommandError {
    match error {
        MillError::Store(error) => CommandError::in_database(error, address),
        other => other.into(),
    }
}

fn exit_of(success: bool, told: Option<Exit>) -> Exit {
    match told {
        Some(exit) if !success => exit,
        _ if success => Exit::Done,
        _ => Exit::Failed,
    }
}

fn print_result(result: &Value, json: bool) -> Result<(), CommandError> {
    let text = if json {
        serde_json::to_string(result)
    } else {
        serde_json::to_string_pretty(result)
    };
    output::line(text.map_err(|error| CommandError::new(Exit::Failed, error))?);
    Ok(())
}

impl From<MillError> for CommandError {
    fn from(error: MillError) -> Self {
        match error {
            MillError::Store(error) => error.into(),
            MillError::System(_) => Self::new(Exit::Unavailable, error),
            _ => Self::new(Exit::BadInput, error),
        }
    }
}
