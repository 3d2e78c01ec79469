//! The command line: one file per command, each an `Args` struct and a `run` function.
//!
//! Always so: a command returns its [`Exit`]; only this room prints, and only `main` ends the process.

mod deploy;
mod doctor;
mod flows;
mod frames;
mod generated;
mod jobs;
mod logging;
mod output;
mod packaging_args;
mod protocol;
mod reference;
mod remote;
mod run;
mod runs;
mod serve;
mod signals;
mod spec;
mod test;
mod up;
mod windmill_args;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
pub use millwright_step::exit::Exit;

use crate::store::StoreError;
use crate::windmill::WindmillError;

/// Agent protocols on Windmill: typed flows, steps that start in a millisecond, every run on record.
#[derive(Debug, Parser)]
#[command(name = "millwright", version = env!("MILLWRIGHT_VERSION"), max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs a flow or a script: on this machine, or with `--on windmill` what was deployed there.
    Run(run::RunArgs),
    /// Serves the refs API: runs, their logs, results and references.
    Serve(serve::ServeArgs),
    /// Serves the refs API with the mill in it: what runs flows on this machine.
    Up(up::UpArgs),
    /// Shows runs: how they ended, their logs, and what they left behind.
    Runs(runs::RunsArgs),
    /// Shows the jobs that ran on this machine, their steps and logs, cancels them, and answers flows that wait for people.
    Jobs(jobs::JobsArgs),
    /// Shows protocols, and starts, stops, mends and answers them.
    Protocol(protocol::ProtocolArgs),
    /// Validates, shows, compares and imports specs.
    Spec(spec::SpecArgs),
    /// Lists, shows and generates the flows and their scripts.
    Flows(flows::FlowsArgs),
    /// Runs the tests of flows: files such as NAME.flow.test.yaml beside them.
    ///
    /// A test says what the flow is given, what becomes of its steps, and what is expected. Time is virtual: waiting costs nothing. Ends
    /// with 1 where a test fails, with 2 where a file is not what it should be.
    Test(test::TestArgs),
    /// Compares a Windmill workspace with the flows and scripts of this millwright, and brings it there.
    ///
    /// Prints what would be done: `+` is made, `~` is changed, `-` is removed, `!` is somebody else's and left alone. Ends
    /// with 1 where something is somebody else's.
    Deploy(deploy::DeployArgs),
    /// Looks from one side to the other whether everything is in its place, and says what to do.
    ///
    /// The refs API and its token; Windmill, its version, workspace and workers; what a job there sees; the executables, the
    /// engines and git on this machine. Ends with 1 where something is wrong.
    Doctor(doctor::DoctorArgs),
    /// Writes the program's own descriptions: `schemas/` and `docs/cli.md`.
    #[command(hide = true)]
    Reference(reference::ReferenceArgs),
}

/// Why a command failed, and how the program then ends.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CommandError {
    /// The exit code.
    pub exit: Exit,
    /// What is wrong, where, and what to do next.
    pub message: String,
}

impl CommandError {
    /// An error that ends the program with `exit`.
    pub fn new(exit: Exit, message: impl std::fmt::Display) -> Self {
        Self {
            exit,
            message: message.to_string(),
        }
    }

    /// The error of the database at an address, which it names where the error does not.
    pub fn in_database(error: StoreError, address: &str) -> Self {
        use StoreError::{Full, Locked, Sqlite};
        let is_unnamed = matches!(error, Full | Locked | Sqlite(_));
        let mut error = Self::from(error);
        if is_unnamed {
            error.message = format!("{address}: {}", error.message);
        }
        error
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        let exit = match error {
            StoreError::BadAddress(_) => Exit::BadInput,
            _ => Exit::Unavailable,
        };
        Self::new(exit, error)
    }
}

impl From<WindmillError> for CommandError {
    fn from(error: WindmillError) -> Self {
        let exit = match error {
            WindmillError::NotFound { .. } => Exit::BadInput,
            _ => Exit::Unavailable,
        };
        Self::new(exit, error)
    }
}

/// Parses the arguments, runs the command, and maps its error to a message and an exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome: Result<Exit, CommandError> = match cli.command {
        Command::Serve(args) => serve::run(&args),
        Command::Up(args) => up::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Runs(args) => runs::run(&args),
        Command::Jobs(args) => jobs::run(&args),
        Command::Protocol(args) => protocol::run(&args),
        Command::Spec(args) => spec::run(&args),
        Command::Flows(args) => flows::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Deploy(args) => deploy::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Reference(args) => reference::run(&args),
    };
    let outcome = match (outcome, output::failure()) {
        (Ok(_), Some(error)) => {
            let message = format!("the result cannot be written to stdout: {error}");
            Err(CommandError::new(Exit::Unavailable, message))
        }
        (outcome, _) => outcome,
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) => {
            output::error(&error.message);
            error.exit.into()
        }
    }
}

/// Whether a `--root` is a folder.
fn check_root(root: &Path) -> Result<(), CommandError> {
    if root.is_dir() {
        return Ok(());
    }
    let message = format!("--root {}: there is no such folder", root.display());
    Err(CommandError::new(Exit::BadInput, message))
}
