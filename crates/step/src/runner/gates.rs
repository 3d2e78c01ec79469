//! Gates: the project's own tools, run as the project says.
//!
//! Always so: a gate without a command is `skipped`; nothing is guessed and nothing is made up.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use millwright_core::protocol::{Finding, Gate, GateResult, GateStatus};

use crate::engine::{Control, EngineError, run_command};

/// Runs a gate's command in the workspace, by `sh -c`, since that is how a project writes it.
pub(super) fn run(
    gate: Gate,
    command: &str,
    workspace: &Path,
    limit: Duration,
    control: &Control<'_>,
) -> GateResult {
    control
        .log
        .line(&format!("millwright: gate {gate}: {command}"));
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).current_dir(workspace);
    let name = format!("gate {gate}");
    match run_command(shell, &name, limit, control) {
        Ok(_) => result(gate, GateStatus::Passed, Vec::new()),
        Err(EngineError::Cancelled) => skipped(gate),
        Err(error) => result(gate, GateStatus::Failed, vec![finding(&error, command)]),
    }
}

/// A gate that the project has no command for.
pub(super) fn skipped(gate: Gate) -> GateResult {
    result(gate, GateStatus::Skipped, Vec::new())
}

fn result(gate: Gate, status: GateStatus, findings: Vec<Finding>) -> GateResult {
    let name = match gate {
        Gate::Lint => "Lint",
        Gate::Type => "Types",
        Gate::Test => "Tests",
    };
    GateResult {
        id: gate,
        name: name.to_owned(),
        status,
        findings,
    }
}

fn finding(error: &EngineError, command: &str) -> Finding {
    Finding {
        severity: "error".to_owned(),
        message: error.to_string(),
        file: None,
        line: None,
        rule_id: None,
        suggestion: Some(format!("run `{command}` in the workspace")),
    }
}
