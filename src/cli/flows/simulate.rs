//! `millwright flows simulate`: what ends badly when steps fail, in whatever order.
//!
//! Always so: what is found is told with a case that `--replay` shows again.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::cli::{CommandError, Exit, check_root, output};
use crate::mill::{Ending, MillOptions, Sources, line_of};
use crate::simulate::{
    Bounds, Case, Finding, Simulated, Subject, SubjectError, Trace, TracedCall, replay, simulate,
};

/// Runs flows over the space of what their steps may do, and says what ends badly.
#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    /// Flows: paths such as `f/devgodzilla/run_next_step`, bare names, or files with a flow as JSON or YAML. By default
    /// those that come with millwright.
    #[arg(value_name = "FLOW")]
    flows: Vec<String>,
    /// The project's folder, with flows/ and scripts/.
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// How many cases of a flow to look at, at most: those with the fewest faults first.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000)]
    max_cases: usize,
    /// Shows what happens in one case, as it stands beside a finding.
    #[arg(long, value_name = "CASE")]
    replay: Option<Case>,
    /// Prints what was found as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(args: &SimulateArgs) -> Result<Exit, CommandError> {
    check_root(&args.root)?;
    let options = MillOptions::of_this_process(Sources::of_project(&args.root));
    let subjects = subjects(args, &options)?;
    if let Some(case) = &args.replay {
        let [(_, subject)] = subjects.as_slice() else {
            let message = "--replay is about one flow: name it";
            return Err(CommandError::new(Exit::BadInput, message));
        };
        let trace = replay(subject, case)?;
        output::line(if args.json {
            trace_as_json(&trace).to_string()
        } else {
            trace_as_text(&trace)
        });
        return Ok(Exit::Done);
    }
    let bounds = Bounds {
        max_cases: args.max_cases,
    };
    let mut reports = Vec::new();
    for (name, subject) in &subjects {
        reports.push((name.as_str(), simulate(subject, bounds)?));
    }
    if args.json {
        let reports: Vec<Value> = reports
            .iter()
            .map(|(name, found)| as_json(name, found))
            .collect();
        output::line(Value::from(reports));
    } else {
        for (name, found) in &reports {
            show(name, found, &args.root);
        }
    }
    let is_clean = reports.iter().all(|(_, found)| found.findings.is_empty());
    Ok(if is_clean { Exit::Done } else { Exit::Failed })
}

fn subjects(
    args: &SimulateArgs,
    options: &MillOptions,
) -> Result<Vec<(String, Subject)>, CommandError> {
    let ours = || {
        crate::embedded::flow_definitions()
            .into_iter()
            .map(|flow| flow.path)
    };
    let names: Vec<String> = match args.flows.as_slice() {
        [] => ours().collect(),
        named => named.to_vec(),
    };
    names
        .into_iter()
        .map(|name| subject(name, options))
        .collect()
}

fn subject(name: String, options: &MillOptions) -> Result<(String, Subject), CommandError> {
    let sources = &options.sources;
    let path = if name.starts_with("f/") {
        Some(name.clone())
    } else {
        sources.flow_named(&name)
    };
    let flow = match &path {
        Some(path) => sources.flow(path)?,
        None => Sources::flow_in(Path::new(&name))?,
    };
    let subject = Subject::new(flow, path.as_deref(), options.clone())?;
    Ok((path.unwrap_or(name), subject))
}

fn show(name: &str, found: &Simulated, root: &Path) {
    let (cases, wall) = (found.cases, found.wall.as_millis());
    let reach = if found.is_complete {
        "all there are".to_owned()
    } else {
        format!("all with up to {} choices", found.depth)
    };
    let findings = found.findings.len();
    output::line(format_args!(
        "{name}: {findings} findings in {cases} cases ({reach}, {wall} ms)"
    ));
    for Finding {
        kind,
        message,
        case,
        ..
    } in &found.findings
    {
        output::line(format_args!("  {}: {message}", kind.as_str()));
        let root = if root == Path::new(".") {
            String::new()
        } else {
            format!(" --root {}", root.display())
        };
        output::line(format_args!(
            "    millwright flows simulate {name}{root} --replay '{case}'"
        ));
    }
}

fn as_json(name: &str, found: &Simulated) -> Value {
    let findings = found.findings.iter();
    let findings: Vec<Value> = findings
        .map(|finding| {
            json!({
                "kind": finding.kind.as_str(),
                "step": finding.step,
                "message": finding.message,
                "case": finding.case.to_string(),
            })
        })
        .collect();
    json!({
        "flow": name,
        "cases": found.cases,
        "complete": found.is_complete,
        "depth": found.depth,
        "findings": findings,
        "seconds": found.wall.as_secs_f64(),
    })
}

fn trace_as_text(trace: &Trace) -> String {
    let calls = trace.calls.iter().map(|call| {
        let args = Value::Object(call.args.clone());
        format!("{}={} {args}\n", place_of(call), call.outcome)
    });
    let calls: String = calls.collect();
    format!(
        "{calls}{}, after {} s of its own time",
        ending_of(trace),
        trace.took.as_secs()
    )
}

/// The step, which time it ran, and which try of that it was.
fn place_of(call: &TracedCall) -> String {
    let attempt = match call.attempt {
        1 => String::new(),
        attempt => format!(" (try {attempt})"),
    };
    format!("{}#{}{attempt}", call.step, call.time)
}

fn ending_of(trace: &Trace) -> String {
    match &trace.ending {
        Ending::Ended {
            success: true,
            result,
            ..
        } => format!("the flow succeeds with {result}"),
        Ending::Ended { canceled: true, .. } => "the flow is cancelled".to_owned(),
        Ending::Ended { result, .. } => format!("the flow fails: {}", line_of(result)),
        Ending::Stuck => "the flow waits for what never comes".to_owned(),
        Ending::Endless => "the flow does not end".to_owned(),
    }
}

fn trace_as_json(trace: &Trace) -> Value {
    let calls = trace.calls.iter().map(|call| {
        json!({
            "step": call.step,
            "time": call.time,
            "try": call.attempt,
            "outcome": call.outcome.to_string(),
            "args": call.args,
        })
    });
    json!({"calls": calls.collect::<Vec<_>>(), "ending": ending_of(trace)})
}

impl From<SubjectError> for CommandError {
    fn from(error: SubjectError) -> Self {
        match error {
            SubjectError::Mill(error) => error.into(),
            SubjectError::Case(_) => Self::new(Exit::BadInput, error),
            SubjectError::System(_) => Self::new(Exit::Unavailable, error),
        }
    }
}
