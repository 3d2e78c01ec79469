//! What `deploy` shows.
//!
//! Always so: the plan goes to stdout, what happens then to stderr; colours are for terminals alone.

use console::{Style, style};
use serde_json::{Value, json};

use crate::cli::output;
use crate::deploy::{Action, Applied, End, Entry, Line, Name, Plan};
use crate::windmill::Client;

/// What workers have to let through.
const FROM_WORKERS: &str = "\
Jobs have the API's address and token from their workers: start each worker with
  TASKSGODZILLA_API_URL=…
  TASKSGODZILLA_API_TOKEN=…
  WHITELIST_ENVS=TASKSGODZILLA_API_URL,TASKSGODZILLA_API_TOKEN";

/// The plan.
pub(super) fn plan(plan: &Plan, client: &Client, verbose: bool) {
    let connection = client.connection();
    let (workspace, address) = (connection.workspace(), connection.address());
    output::line(format_args!("workspace {workspace} of {address}\n"));
    for item in &plan.entries {
        if verbose || !matches!(item.action, Action::Unchanged) {
            entry(item);
        }
    }
    let unchanged = plan.count("unchanged");
    if unchanged > 0 && !verbose {
        output::line(format_args!("= {unchanged} unchanged"));
    }
    for name in &plan.left_over {
        output::line(format_args!(
            "  {name} is no longer wanted: --prune removes it"
        ));
    }
}

fn entry(entry: &Entry) {
    let (sign, colour) = sign(&entry.action);
    let text = format!("{sign} {:<11} {}", entry.name.kind(), entry.name.path());
    output::line(colour.apply_to(text));
    match &entry.action {
        Action::Update(update) => {
            if let Some(why) = update.why {
                output::line(format_args!("    {why}"));
            }
            for line in &update.lines {
                output::line(format_args!("    {}", coloured(line)));
            }
        }
        Action::Foreign => {
            output::line("    somebody else made it: it does not say that millwright generated it");
        }
        _ => {}
    }
}

fn coloured(line: &Line) -> impl std::fmt::Display {
    match line.sign {
        '+' => style(line).green(),
        '-' => style(line).red(),
        _ => style(line).dim(),
    }
}

fn sign(action: &Action) -> (char, Style) {
    let plain = Style::new();
    match action {
        Action::Create(_) => ('+', plain.green()),
        Action::Update(_) => ('~', plain.yellow()),
        Action::Unchanged => ('=', plain.dim()),
        Action::Foreign => ('!', plain.red().bold()),
        Action::Prune => ('-', plain.red()),
    }
}

/// What comes of it without `--apply`.
pub(super) fn next(plan: &Plan, from_workers: bool) {
    if from_workers {
        output::note(FROM_WORKERS);
    } else if !plan.knows_api {
        output::note(
            "jobs do not know where the refs API is: use --api-url, or --env-from-workers",
        );
    }
    if plan.entries.iter().any(|entry| entry.action.is_change()) {
        output::note(format_args!(
            "{} to make, {} to change, {} to remove: --apply does it",
            plan.count("create"),
            plan.count("update"),
            plan.count("prune"),
        ));
    }
}

/// What is being written.
pub(super) fn progress(entry: &Entry) {
    let doing = match entry.action {
        Action::Create(_) => "making",
        Action::Prune => "removing",
        _ => "changing",
    };
    output::note(format_args!("{doing} {}", entry.name));
}

/// What is said of things that are not ours.
pub(super) fn foreign(count: usize) -> String {
    format!(
        "somebody else's things stand at {count} of our paths (marked with ! above), and were left alone: move or remove them, then run it again"
    )
}

/// What became of the plan, for programs.
pub(super) fn applied(applied: &Applied) -> Value {
    let names = |names: &[Name]| names.iter().map(Name::to_string).collect::<Vec<_>>();
    let error = match &applied.end {
        End::Whole => None,
        End::Stopped => Some("it was told to stop".to_owned()),
        End::Failed(error) => Some(error.to_string()),
    };
    json!({"done": names(&applied.done), "left": names(&applied.left), "error": error})
}
