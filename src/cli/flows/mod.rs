//! `millwright flows`: lists, shows and generates the catalog's flows and scripts.
//!
//! Always so: `--check` changes nothing, and names the command that mends what it finds.

mod simulate;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use millwright_core::catalog::FlowDefinition;
use millwright_core::openflow::{Module, ModuleValue};
use serde_json::Value;

use super::packaging_args::PackagingArgs;
use super::{CommandError, Exit, generated, output};
use crate::deploy::Layout;
use crate::embedded;

/// Lists, shows and generates the flows and their scripts.
#[derive(Debug, Args)]
pub(super) struct FlowsArgs {
    #[command(subcommand)]
    command: FlowsCommand,
}

#[derive(Debug, Subcommand)]
enum FlowsCommand {
    /// Lists the flows.
    List,
    /// Shows a flow: its inputs and its steps.
    Show(ShowArgs),
    /// Writes the flows and scripts as files.
    Generate(GenerateArgs),
    /// Runs flows over the space of what their steps may do, and says what ends badly.
    ///
    /// Steps succeed with each of the results that their types allow, fail, take too long or are cancelled, in each round of a loop; nothing
    /// really runs, and time is virtual. Ends with 1 where something ends badly.
    Simulate(simulate::SimulateArgs),
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// The flow's name, or its path.
    flow: String,
    /// Prints the flow as OpenFlow JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct GenerateArgs {
    /// The folder below which the files lie. By default the current one.
    #[arg(long, required_if_eq("layout", "wmill"))]
    out: Option<PathBuf>,
    /// Where each file lies.
    #[arg(long, value_enum, default_value_t)]
    layout: Layout,
    #[command(flatten)]
    packaging: PackagingArgs,
    /// Compares instead of writing, and fails where something differs.
    #[arg(long)]
    check: bool,
}

/// Runs the command.
pub(super) fn run(args: &FlowsArgs) -> Result<Exit, CommandError> {
    match &args.command {
        FlowsCommand::List => {
            list();
            Ok(Exit::Done)
        }
        FlowsCommand::Show(args) => show(args),
        FlowsCommand::Generate(args) => generate(args),
        FlowsCommand::Simulate(args) => simulate::run(args),
    }
}

fn list() {
    for flow in embedded::flow_definitions() {
        let summary = flow.flow.summary.unwrap_or_default();
        output::line(format_args!("{:<36} {summary}", flow.path));
    }
}

fn show(args: &ShowArgs) -> Result<Exit, CommandError> {
    let flow = find(&args.flow)?;
    if args.json {
        output::line(flow.text().trim_end());
        return Ok(Exit::Done);
    }
    output::line(format_args!("{}\n", flow.path));
    output::line(flow.flow.description.as_deref().unwrap_or_default());
    output::line("\nInputs:");
    for input in inputs(&flow) {
        output::line(format_args!("  {input}"));
    }
    output::line("\nSteps:");
    show_steps(&flow.flow.value.modules, 1);
    if let Some(failure) = &flow.flow.value.failure_module {
        output::line("\nOn failure:");
        show_steps(std::slice::from_ref(failure), 1);
    }
    Ok(Exit::Done)
}

fn find(name: &str) -> Result<FlowDefinition, CommandError> {
    let mut flows = embedded::flow_definitions().into_iter();
    let same =
        |flow: &FlowDefinition| flow.path == name || flow.path.ends_with(&format!("/{name}"));
    flows.find(same).ok_or_else(|| {
        let message = format!("there is no flow {name:?}: `millwright flows list` lists them");
        CommandError::new(Exit::BadInput, message)
    })
}

fn inputs(flow: &FlowDefinition) -> Vec<String> {
    let schema = flow.flow.schema.clone().unwrap_or_default();
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let properties = schema["properties"].as_object().into_iter().flatten();
    let describe = |(name, property): (&String, &Value)| {
        let kind = property["type"].as_str().unwrap_or("any");
        let must = if required.contains(&name.as_str().into()) {
            ", required"
        } else {
            ""
        };
        let about = property["description"].as_str().unwrap_or_default();
        format!("{name} ({kind}{must}): {about}")
    };
    properties.map(describe).collect()
}

fn show_steps(modules: &[Module], depth: usize) {
    let indent = "  ".repeat(depth);
    for module in modules {
        let what = what_of(&module.value);
        let summary = module.summary.as_deref().unwrap_or_default();
        output::line(format_args!("{indent}{} [{what}] {summary}", module.id));
        if let Some(skip) = &module.skip_if {
            output::line(format_args!("{indent}  skipped if {}", skip.expr));
        }
        show_inside(&module.value, depth + 1);
    }
}

fn show_inside(value: &ModuleValue, depth: usize) {
    let indent = "  ".repeat(depth);
    let ModuleValue::BranchOne(choice) = value else {
        for (_, modules) in value.bodies() {
            show_steps(modules, depth);
        }
        return;
    };
    for branch in &choice.branches {
        output::line(format_args!("{indent}if {}", branch.expr));
        show_steps(&branch.modules, depth + 1);
    }
    if !choice.default.is_empty() {
        output::line(format_args!("{indent}else"));
        show_steps(&choice.default, depth + 1);
    }
}

fn what_of(value: &ModuleValue) -> &str {
    match value {
        ModuleValue::Script(script) => &script.path,
        ModuleValue::Flow(flow) => &flow.path,
        other => other.kind(),
    }
}

fn generate(args: &GenerateArgs) -> Result<Exit, CommandError> {
    let root = args.out.as_deref().unwrap_or(Path::new("."));
    let mend = format!("millwright flows generate{}", arguments_of(args));
    let choices = &args.packaging.choices;
    if args.layout == Layout::Repository && !choices.is_empty() {
        let message =
            "the files of this layout are packaged as path: --packaging goes with --layout wmill";
        return Err(CommandError::new(Exit::BadInput, message));
    }
    let files = args.layout.files(choices);
    let files = files.map_err(|error| CommandError::new(Exit::BadInput, error))?;
    generated::bring(&files, root, args.check, &mend)
}

/// The arguments with which the command has to be run again.
fn arguments_of(args: &GenerateArgs) -> String {
    let out = args.out.as_ref();
    let out = out.map_or(String::new(), |out| format!(" --out {}", out.display()));
    let packaging = args.packaging.choices.iter();
    let packaging = packaging.fold(String::new(), |text, choice| {
        format!("{text} --packaging {choice}")
    });
    match args.layout {
        Layout::Repository => out,
        Layout::Wmill => format!(" --layout wmill{packaging}{out}"),
    }
}
