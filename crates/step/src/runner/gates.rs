//! Gates: the project's own tools, run as the project says or as its files suggest.
//!
//! Always so: a gate without a command, or whose tool is not installed, is `skipped`; nothing is made up.

use std::collections::BTreeMap;
use std::env;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use millwright_core::protocol::{FailureKind, Finding, Gate, GateResult, GateStatus, classify};

use super::ecosystem::{self, Tool};
use super::findings::{Watched, bounded};
use crate::engine::{Control, EngineError, run_command};

/// So long the account of a gate's failure may be, which travels with the result.
const LONGEST_FAILURE: usize = 4 * 1024;

/// A project's gates, to be run.
pub(crate) struct Gates<'a> {
    /// Their commands, where the project names them.
    pub(crate) configured: &'a BTreeMap<Gate, Option<String>>,
    /// Where they run.
    pub(crate) workspace: &'a Path,
    /// What they are told.
    pub(crate) variables: Vec<(&'static str, String)>,
    /// How long each may take.
    pub(crate) limit: Duration,
}

impl Gates<'_> {
    /// Runs those that are wanted, else all that the project has.
    pub(crate) fn run(&self, wanted: Option<&[Gate]>, control: &Control<'_>) -> Vec<GateResult> {
        let tools = ecosystem::tools(self.workspace, self.configured);
        let all: Vec<Gate> = tools.keys().copied().collect();
        let run = |gate: &Gate| match tools.get(gate) {
            Some(tool) => self.run_one(*gate, tool, control),
            None => skipped(*gate),
        };
        wanted.unwrap_or(&all).iter().map(run).collect()
    }

    /// Runs a gate's command in the workspace, by `sh -c`, since that is how a project writes it.
    fn run_one(&self, gate: Gate, tool: &Tool, control: &Control<'_>) -> GateResult {
        if let Some(program) = &tool.program
            && !is_installed(program, self.workspace)
        {
            return result(gate, GateStatus::Skipped, vec![not_installed(program)]);
        }
        let command = &tool.command;
        control
            .log
            .line(&format!("millwright: gate {gate}: {command}"));
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(command).current_dir(self.workspace);
        shell.env("NO_COLOR", "1").env("CARGO_TERM_COLOR", "never");
        shell.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let watched = Watched::new(control.log);
        let control = Control {
            log: &watched,
            cancel: control.cancel,
        };
        let outcome = run_command(shell, &format!("gate {gate}"), self.limit, &control);
        let (found, last) = watched.into_kept();
        match outcome {
            Ok(_) => result(gate, GateStatus::Passed, Vec::new()),
            Err(EngineError::Cancelled) => skipped(gate),
            Err(error) => {
                let whole = failure(&error, &last, command);
                result(gate, GateStatus::Failed, [vec![whole], found].concat())
            }
        }
    }
}

/// A gate that the project has no command for.
fn skipped(gate: Gate) -> GateResult {
    result(gate, GateStatus::Skipped, Vec::new())
}

/// What kind of failure the gates tell of: the one that is mended first. What a type checker or a test prints is theirs,
/// unless the code cannot even be parsed.
pub(super) fn failure_of(gates: &[GateResult]) -> Option<FailureKind> {
    let failed = gates
        .iter()
        .filter(|gate| gate.status == GateStatus::Failed);
    failed.map(kind_of).min()
}

/// What the gates say as text: a line for each, and one for each of their findings.
pub(super) fn as_text(gates: &[GateResult]) -> String {
    let lines = gates.iter().flat_map(|gate| {
        let whole = format!("{} ({}): {}", gate.name, gate.id, gate.status);
        std::iter::once(whole).chain(gate.findings.iter().map(told))
    });
    let mut text = lines.collect::<Vec<_>>().join("\n");
    text.push('\n');
    text
}

fn told(finding: &Finding) -> String {
    let place = match (&finding.file, finding.line) {
        (Some(file), Some(line)) => format!("{file}:{line}: "),
        _ => String::new(),
    };
    format!("- {place}{}", finding.message)
}

fn kind_of(gate: &GateResult) -> FailureKind {
    let messages: Vec<&str> = gate
        .findings
        .iter()
        .map(|finding| &*finding.message)
        .collect();
    match (gate.id, classify(&messages.join("\n"))) {
        (_, FailureKind::Syntax) => FailureKind::Syntax,
        (Gate::Lint, FailureKind::Format) => FailureKind::Format,
        (Gate::Lint, _) => FailureKind::Lint,
        (Gate::Type, _) => FailureKind::Typecheck,
        (Gate::Test, _) => FailureKind::Test,
    }
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

/// The failure as a whole, with the end of what the tool printed where it said nothing on stderr.
fn failure(error: &EngineError, last: &str, command: &str) -> Finding {
    let said = matches!(error, EngineError::Failed { stderr, .. } if !stderr.trim().is_empty());
    let message = if said || last.is_empty() {
        error.to_string()
    } else {
        format!("{error}: {last}")
    };
    let message = bounded(&message, LONGEST_FAILURE).to_owned();
    Finding {
        severity: "error".to_owned(),
        message,
        file: None,
        line: None,
        rule_id: None,
        suggestion: Some(format!("run `{command}` in the workspace")),
    }
}

fn not_installed(program: &str) -> Finding {
    Finding {
        severity: "info".to_owned(),
        message: format!("{program} is not installed here"),
        file: None,
        line: None,
        rule_id: None,
        suggestion: Some(format!(
            "install {program}, or name the gate's command in the project's policy_overrides.gates"
        )),
    }
}

/// Whether a program is found, as `sh` would find it from the workspace.
fn is_installed(program: &str, workspace: &Path) -> bool {
    if program.contains('/') {
        return workspace.join(program).is_file();
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
