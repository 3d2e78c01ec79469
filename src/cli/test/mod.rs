//! `millwright test`: runs the tests of flows.
//!
//! Always so: nothing runs where a file is not what it should be; what is wrong with all files is told at once.

mod json;
mod junit;
mod show;

use std::path::PathBuf;

use clap::Args;

use super::{CommandError, Exit, check_root, output};
use crate::flowtest::{FlowTestError, Suite, SuiteReport, test_files};
use crate::mill::{MillOptions, Sources};

/// Runs the tests of flows.
#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// Files such as NAME.flow.test.yaml, and folders with such files. By default the project's flows.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The project's folder, with flows/ and scripts/.
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// Runs only tests whose names hold this text.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Writes what was found into the tests that failed, in place of what they expect.
    #[arg(long)]
    update: bool,
    /// Prints the report as JSON.
    #[arg(long)]
    json: bool,
    /// Writes the report as `JUnit` XML into a file.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Shows which steps and branches no test reached.
    #[arg(long)]
    coverage: bool,
    /// Fails where the tests reach less than this share of all steps and branches.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    fail_under: Option<f64>,
}

/// Runs the command.
pub(super) fn run(args: &TestArgs) -> Result<Exit, CommandError> {
    check_root(&args.root)?;
    let paths = match args.paths.as_slice() {
        [] => vec![args.root.join("flows")],
        paths => paths.to_vec(),
    };
    let options = MillOptions::of_this_process(Sources::of_project(&args.root));
    let suite = Suite::load(&test_files(&paths)?, &args.root, options)?;
    let mut report = suite.run(args.filter.as_deref())?;
    if args.update && suite.update(&report)? {
        let suite = Suite::load(&test_files(&paths)?, &args.root, suite.into_options())?;
        report = suite.run(args.filter.as_deref())?;
    }
    if args.json {
        output::line(json::of(&report));
    } else {
        show::report(&report, args.coverage || args.fail_under.is_some());
    }
    if let Some(file) = &args.junit {
        let document =
            junit::of(&report).map_err(|error| CommandError::new(Exit::Failed, error))?;
        let written = std::fs::write(file, document);
        written.map_err(|error| {
            let message = format!("cannot write {}: {error}", file.display());
            CommandError::new(Exit::Unavailable, message)
        })?;
    }
    Ok(exit_of(&report, args.fail_under))
}

fn exit_of(report: &SuiteReport, fail_under: Option<f64>) -> Exit {
    let reached = report.coverage.percent();
    if let Some(least) = fail_under.filter(|least| reached < *least) {
        output::error(format_args!(
            "the tests reach {reached:.1} % of all steps and branches, and --fail-under asks for {least} %"
        ));
        return Exit::Failed;
    }
    if report.passed() {
        Exit::Done
    } else {
        Exit::Failed
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.trim_end_matches('%').trim().parse().ok();
    let number = number.filter(|number| (0.0..=100.0).contains(number));
    number.ok_or_else(|| "it is a number from 0 to 100".to_owned())
}

impl From<FlowTestError> for CommandError {
    fn from(error: FlowTestError) -> Self {
        let exit = match error {
            FlowTestError::System(_) => Exit::Unavailable,
            _ => Exit::BadInput,
        };
        Self::new(exit, error)
    }
}
