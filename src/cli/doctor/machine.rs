//! This machine: the step executable, the engines, git.
//!
//! Always so: a program is asked for its version alone, and one that does not answer is given up.

use std::process::Command;

use millwright_step::engine::Registry;
use tokio::task::spawn_blocking;

use super::check::{Check, in_time};
use crate::executable::{self, Executable};

const STEP: &str = "step executable";
const GIT: &str = "git";

/// What there is.
pub(super) async fn look() -> Vec<Check> {
    let engines = Registry::default();
    let programs = engines.ids().filter_map(|id| engines.get(id)?.program());
    let engines = programs.map(async |program| match version(program.version).await {
        Ok(version) => Check::ok(program.engine, version),
        Err(Unanswered::Missing) => Check::warning(
            program.engine,
            "not installed: steps that name this engine fail on this machine",
            program.missing.to_string(),
        ),
        Err(Unanswered::Broken(reason)) => Check::warning(
            program.engine,
            format!("it does not tell its version: {reason}"),
            "install it anew",
        ),
    });
    let engines = futures_util::future::join_all(engines);
    let (step, git, engines) = tokio::join!(step(), git(), engines);
    [step, git].into_iter().chain(engines).collect()
}

/// What the step executable beside this program says that it is.
pub(super) async fn step_version() -> Option<String> {
    beside().await.ok().map(|step| step.version)
}

async fn beside() -> Result<Executable, String> {
    in_time(async {
        let read = spawn_blocking(|| Executable::read(&executable::beside())).await;
        match read {
            Ok(read) => read.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    })
    .await
}

async fn step() -> Check {
    let own = format!("{} {}", executable::NAME, env!("MILLWRIGHT_VERSION"));
    match beside().await {
        Ok(step) if step.version == own => Check::ok(STEP, step.version),
        Ok(step) => Check::warning(
            STEP,
            format!("{} lies beside millwright, which is {own}", step.version),
            "`make build` builds both",
        ),
        Err(problem) => Check::wrong(
            STEP,
            problem,
            "put the two executables of one build into one folder",
        ),
    }
}

async fn git() -> Check {
    let mut command = Command::new("git");
    command.arg("--version");
    match version(command).await {
        Ok(version) => Check::ok(GIT, version),
        Err(_) => Check::wrong(
            GIT,
            "not installed: projects cannot be cloned, nor steps work in branches",
            "install git",
        ),
    }
}

/// Why there is no version.
enum Unanswered {
    Missing,
    Broken(String),
}

/// The first line of what a program says of its version.
async fn version(command: Command) -> Result<String, Unanswered> {
    let mut command = tokio::process::Command::from(command);
    command
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true);
    let mut is_missing = false;
    let output = in_time(async {
        let output = command.output().await;
        is_missing = matches!(&output, Err(error) if error.kind() == std::io::ErrorKind::NotFound);
        output
    });
    let output = output.await;
    if is_missing {
        return Err(Unanswered::Missing);
    }
    let output = output.map_err(Unanswered::Broken)?;
    let said = String::from_utf8_lossy(&output.stdout);
    match said.lines().next().filter(|_| output.status.success()) {
        Some(line) => Ok(line.trim().to_owned()),
        None => Err(Unanswered::Broken(output.status.to_string())),
    }
}
