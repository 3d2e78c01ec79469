//! `millwright spec`: validates, shows, compares, imports and audits specs.
//!
//! Always so: wherever a spec comes from, a file, a folder or a protocol, it is read in one place and checked alike.

mod audit;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use millwright_core::protocol::{Files, SpecContext, SpecError, spec_hash};
use millwright_step::workspace::Contents;
use serde_json::{Value, json};

use super::remote::{Remote, RemoteArgs};
use super::serve::block_on;
use super::{CommandError, Exit, output};
use crate::spec::{self, Made};

/// Validates, shows, compares, imports and audits specs.
#[derive(Debug, Args)]
pub(super) struct SpecArgs {
    #[command(subcommand)]
    command: SpecCommand,
    #[command(flatten)]
    server: RemoteArgs,
    /// Prints the result as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum SpecCommand {
    /// Says everything that is wrong with a spec.
    Validate(ValidateArgs),
    /// Shows a spec: its steps.
    Show(OneArgs),
    /// Prints a spec's hash.
    Hash(OneArgs),
    /// Says in which steps two specs differ.
    Diff(DiffArgs),
    /// Prints the JSON Schema of specs.
    Schema,
    /// Gives a protocol a spec; its steps follow.
    Import(ImportArgs),
    /// Says how protocol runs stand with their specs, and derives those that are missing.
    Audit(audit::AuditArgs),
}

#[derive(Debug, Args)]
struct OneArgs {
    /// A protocol's id; a file with a spec as JSON, `-` for stdin; a task list such as tasks.md; a folder with step files
    /// such as 01-build.md; or a CodeMachine workspace.
    #[arg(value_name = "PROTOCOL|PATH")]
    spec: String,
}

#[derive(Debug, Args)]
struct ValidateArgs {
    #[command(flatten)]
    one: OneArgs,
    /// The folder of the project's files, which no path may leave, and where prompts are looked for.
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// The protocol's folder, where prompts are looked for first; by default where the spec lies.
    #[arg(long, value_name = "DIR", requires = "workspace")]
    protocol_root: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct DiffArgs {
    /// The one, as for `show`.
    #[arg(value_name = "PROTOCOL|PATH")]
    from: String,
    /// The other.
    #[arg(value_name = "PROTOCOL|PATH")]
    to: String,
}

#[derive(Debug, Args)]
struct ImportArgs {
    /// The protocol's id.
    protocol: i64,
    /// What the spec is made from: a path, as for `show`.
    path: PathBuf,
    /// The workflow of a CodeMachine workspace that has several.
    #[arg(long)]
    workflow: Option<String>,
}

/// Runs the command.
pub(super) fn run(args: &SpecArgs) -> Result<Exit, CommandError> {
    let find = |name: &str| find(name, &args.server);
    match &args.command {
        SpecCommand::Validate(of) => validate(&find(&of.one.spec)?, of, args.json),
        SpecCommand::Show(of) => show(&find(&of.spec)?, args.json),
        SpecCommand::Hash(of) => {
            let hash = spec_hash(&find(&of.spec)?);
            output::line(if args.json {
                json!(hash).to_string()
            } else {
                hash
            });
            Ok(Exit::Done)
        }
        SpecCommand::Diff(of) => Ok(diff(&find(&of.from)?, &find(&of.to)?, args.json)),
        SpecCommand::Schema => {
            output::line(spec::document().trim_end());
            Ok(Exit::Done)
        }
        SpecCommand::Import(of) => import(of, args),
        SpecCommand::Audit(of) => {
            let remote = args.server.remote()?;
            block_on(audit::run(of, args.json, &remote))
        }
    }
}

/// The spec that a name means: a number is a protocol, all else a path.
fn find(name: &str, server: &RemoteArgs) -> Result<Value, CommandError> {
    let Ok(id) = name.parse::<u32>() else {
        return Ok(made(Path::new(name), None)?.spec);
    };
    let remote = server.remote()?;
    let mut view = block_on(of_protocol(&remote, id))?;
    match view["spec"].take() {
        Value::Null => {
            let message = format!(
                "protocol {id} has no spec: give it one with `millwright spec import {id} PATH`"
            );
            Err(CommandError::new(Exit::BadInput, message))
        }
        spec => Ok(spec),
    }
}

async fn of_protocol(remote: &Remote, id: u32) -> Result<Value, CommandError> {
    remote.get(&format!("/protocols/{id}/spec")).await
}

/// The spec that a path leads to; what was left out of it is told.
fn made(path: &Path, workflow: Option<&str>) -> Result<Made, CommandError> {
    let made = spec::from_path(path, workflow);
    let made = made.map_err(|error| CommandError::new(Exit::BadInput, error))?;
    for warning in &made.warnings {
        output::note(format_args!("warning: {warning}"));
    }
    Ok(made)
}

impl ValidateArgs {
    /// What the workspace holds; where none is named, nothing is known.
    fn contents(&self) -> Result<Option<Contents>, CommandError> {
        let Some(workspace) = &self.workspace else {
            return Ok(None);
        };
        let workspace = whole("--workspace", workspace)?;
        let root = match &self.protocol_root {
            Some(root) => whole("--protocol-root", root)?,
            None => self.beside().unwrap_or_else(|| workspace.clone()),
        };
        Ok(Some(Contents::of_folder(workspace, root)))
    }

    /// The folder that the spec lies in, or is.
    fn beside(&self) -> Option<PathBuf> {
        let path = Path::new(&self.one.spec).canonicalize().ok()?;
        if path.is_dir() {
            Some(path)
        } else {
            path.parent().map(Path::to_owned)
        }
    }
}

fn whole(option: &str, folder: &Path) -> Result<PathBuf, CommandError> {
    folder.canonicalize().map_err(|error| {
        let message = format!("{option} {}: {error}", folder.display());
        CommandError::new(Exit::BadInput, message)
    })
}

fn errors_of(spec: &Value, contents: Option<&Contents>) -> Vec<SpecError> {
    let workspace = contents.map(|contents| contents.workspace().display().to_string());
    let context = SpecContext {
        engines: Some(spec::engines()),
        workspace: workspace.as_deref(),
        files: contents.map(|contents| contents as &dyn Files),
        ..SpecContext::default()
    };
    spec::validate(spec, &context).err().unwrap_or_default()
}

fn validate(spec: &Value, args: &ValidateArgs, json: bool) -> Result<Exit, CommandError> {
    let contents = args.contents()?;
    if contents.is_none() {
        output::note("prompts were not looked for: --workspace DIR names the project's folder");
    }
    let errors = errors_of(spec, contents.as_ref());
    let (hash, steps) = (spec_hash(spec), steps(spec).len());
    let status = if errors.is_empty() {
        "valid"
    } else {
        "invalid"
    };
    if json {
        let result = json!({"status": status, "spec_hash": hash, "steps": steps, "errors": errors});
        output::line(result);
    } else if errors.is_empty() {
        output::line(format_args!("valid: {steps} steps, hash {hash}"));
    } else {
        errors.iter().for_each(output::line);
    }
    Ok(if errors.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn show(spec: &Value, json: bool) -> Result<Exit, CommandError> {
    if json {
        let text = serde_json::to_string_pretty(spec);
        output::line(text.map_err(|error| CommandError::new(Exit::Failed, error))?);
        return Ok(Exit::Done);
    }
    output::line(format_args!("hash {}", spec_hash(spec)));
    for step in steps(spec) {
        let text = |key: &str| step[key].as_str().unwrap_or("-");
        let qa = step["qa"]["policy"].as_str().unwrap_or("full");
        let needs = step["depends_on"].as_array().into_iter().flatten();
        let needs: Vec<&str> = needs.filter_map(Value::as_str).collect();
        let after = if needs.is_empty() {
            String::new()
        } else {
            format!(", after {}", needs.join(", "))
        };
        output::line(format_args!(
            "{:<24} engine {}, prompt {}, qa {qa}{after}",
            text("id"),
            text("engine_id"),
            text("prompt_ref"),
        ));
    }
    Ok(Exit::Done)
}

fn steps(spec: &Value) -> &[Value] {
    spec["steps"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// Prints what differs, step by step; ends as `diff` does.
fn diff(from: &Value, to: &Value, json: bool) -> Exit {
    let (old, new) = (by_id(from), by_id(to));
    let mut changes = Vec::new();
    for (id, step) in &old {
        match new.get(id) {
            None => changes.push(json!({"step": id, "change": "removed"})),
            Some(other) if other != step => {
                let keys = differing(step, other);
                changes.push(json!({"step": id, "change": "changed", "keys": keys}));
            }
            Some(_) => {}
        }
    }
    let added = new.keys().filter(|id| !old.contains_key(*id));
    changes.extend(added.map(|id| json!({"step": id, "change": "added"})));
    let beside: Vec<String> = differing(from, to)
        .into_iter()
        .filter(|key| key != "steps")
        .collect();
    let order = old.len() == new.len() && changes.is_empty() && from["steps"] != to["steps"];
    if json {
        output::line(json!({"steps": changes, "keys": beside, "order": order}));
    } else {
        tell(&changes, &beside, order);
    }
    if changes.is_empty() && beside.is_empty() && !order {
        Exit::Done
    } else {
        Exit::Failed
    }
}

fn tell(changes: &[Value], beside: &[String], order: bool) {
    for change in changes {
        let text = |key: &str| change[key].as_str().unwrap_or_default();
        let keys = change["keys"].as_array().into_iter().flatten();
        let keys: Vec<&str> = keys.filter_map(Value::as_str).collect();
        let line = format!("{:<8} {} {}", text("change"), text("step"), keys.join(", "));
        output::line(line.trim_end());
    }
    for key in beside {
        output::line(format_args!("changed  {key}, beside the steps"));
    }
    if order {
        output::line("changed  the order of the steps");
    }
}

fn by_id(spec: &Value) -> BTreeMap<String, &Value> {
    let id = |step: &Value| step["id"].as_str().map(str::to_owned);
    steps(spec)
        .iter()
        .filter_map(|step| Some((id(step)?, step)))
        .collect()
}

/// The keys under which two objects differ.
fn differing(one: &Value, other: &Value) -> Vec<String> {
    let keys = |value: &Value| -> Vec<String> {
        let keys = value.as_object().into_iter().flatten();
        keys.map(|(key, _)| key.clone()).collect()
    };
    let mut all = keys(one);
    all.extend(keys(other));
    all.sort();
    all.dedup();
    all.retain(|key| one.get(key) != other.get(key));
    all
}

fn import(of: &ImportArgs, args: &SpecArgs) -> Result<Exit, CommandError> {
    let Made {
        spec,
        source,
        warnings,
    } = made(&of.path, of.workflow.as_deref())?;
    let errors = errors_of(&spec, None);
    if !errors.is_empty() {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let message = format!(
            "{} gives no valid spec:\n{}",
            of.path.display(),
            lines.join("\n")
        );
        return Err(CommandError::new(Exit::BadInput, message));
    }
    let remote = args.server.remote()?;
    let path = format!("/protocols/{}/spec", of.protocol);
    let body = json!({"spec": spec, "source": source});
    let mut answer = block_on(async { remote.post(&path, &body).await })?;
    if args.json {
        answer["warnings"] = json!(warnings);
        output::line(&answer);
        return Ok(Exit::Done);
    }
    let count = |what: &str| answer["steps"][what].as_u64().unwrap_or_default();
    output::line(format_args!(
        "hash {}: {} steps added, {} changed, {} removed, {} kept",
        answer["spec_hash"].as_str().unwrap_or_default(),
        count("added"),
        count("changed"),
        count("removed"),
        count("kept"),
    ));
    Ok(Exit::Done)
}
