//! Runs a protocol through the generated flows, on a server and a database of its own.
//!
//! Always so: everything happens in a temporary folder and on a free port, and nothing stays behind unless
//! `--keep` asks for it.

mod api;
mod artifacts;
mod codex;
mod player;
mod project;
mod report;
mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, bail, ensure};
use clap::{Parser, ValueEnum};
use serde_json::{Value, json};

use crate::api::Api;
use crate::codex::Codex;
use crate::server::Server;

/// Rounds of `run_next_step` after which something is wrong: four steps, one of them sent back.
const MOST_ROUNDS: usize = 12;

/// Runs a protocol through the generated flows.
#[derive(Parser)]
struct Args {
    /// The folder with `millwright` and `millwright-step`.
    #[arg(long)]
    bin_dir: PathBuf,
    /// Who does the work: programs of the project's own, or the real Codex among them.
    #[arg(long, value_enum, default_value_t = Engine::Shell)]
    engine: Engine,
    /// Leave the server up to look around, until Ctrl-C.
    #[arg(long)]
    keep: bool,
}

/// Who does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// Programs of the project's own.
    Shell,
    /// The real Codex, with a model on this machine, beside them.
    Codex,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::problem(&format!("the demo failed: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new()
        .prefix("millwright-demo-")
        .tempdir()?;
    let millwright = args
        .bin_dir
        .canonicalize()
        .context("no such --bin-dir")?
        .join("millwright");
    let codex = (args.engine == Engine::Codex)
        .then(|| Codex::prepare(folder.path()))
        .transpose()?;
    report::heading("A small git project");
    let workspace = project::create(folder.path(), args.engine)?;
    report::line(&format!(
        "{} with a protocol of four steps",
        workspace.display()
    ));
    if let Some(codex) = &codex {
        report::line(&codex.line());
    }

    report::heading("A server with the mill in it: `millwright up`");
    let environment = codex.iter().flat_map(Codex::environment);
    let mut server = Server::start(&millwright, folder.path(), environment)?;
    report::line(&format!("{} on {}", server.url(), server.database()));
    let api = Api::new(server.url(), server.token());
    let protocol = create_protocol(&api, &workspace)?;

    report::heading("Planning: `millwright run f/devgodzilla/protocol_start`");
    run_flow(&millwright, &server, "protocol_start", protocol)?;
    report::heading("Working: `millwright run f/devgodzilla/run_next_step`, until nothing is left");
    run_steps(&millwright, &server, &api, protocol)?;
    tell(&api, protocol, &workspace)?;
    if args.keep {
        report::keep_note(&server, folder.path());
        server.wait_for_interrupt()?;
    }
    server.stop()
}

/// Shows what is on record, and checks that all of it went well.
fn tell(api: &Api, protocol: i64, workspace: &Path) -> anyhow::Result<()> {
    report::heading("The steps");
    report::steps(&api.get(&format!("/protocols/{protocol}/steps"))?);
    report::heading("What was decided");
    report::events(&api.get(&format!("/protocols/{protocol}/events"))?);
    let (branch, log) = project::branch(workspace, protocol)?;
    report::heading(&format!("The branch {branch}"));
    report::text(&log);
    report::heading("The runs");
    let runs = api.get("/codex/runs?limit=100")?;
    report::runs(&runs);
    artifacts::show(api, &runs)?;
    follow_a_log(api, &runs)?;
    check_all_is_true(api, protocol, &runs)
}

fn create_protocol(api: &Api, workspace: &Path) -> anyhow::Result<i64> {
    let project = api.post(
        "/projects",
        &json!({ "name": "greeting", "local_path": workspace }),
    )?;
    let project = project["id"].as_i64().context("the project has no id")?;
    let spec = project::protocol_spec(workspace)?;
    let body = json!({
        "protocol_name": project::PROTOCOL,
        "template_config": { "protocol_spec": spec },
    });
    let protocol = api.post(&format!("/projects/{project}/protocols"), &body)?;
    protocol["id"].as_i64().context("the protocol has no id")
}

fn run_steps(millwright: &Path, server: &Server, api: &Api, protocol: i64) -> anyhow::Result<()> {
    for _ in 0..MOST_ROUNDS {
        let status = api.get(&format!("/protocols/{protocol}"))?["status"].clone();
        if status == "completed" {
            return Ok(());
        }
        run_flow(millwright, server, "run_next_step", protocol)?;
    }
    bail!("the protocol is not completed after {MOST_ROUNDS} rounds")
}

/// Runs a flow as a person would, its progress on this terminal; its result is not looked at.
fn run_flow(millwright: &Path, server: &Server, flow: &str, protocol: i64) -> anyhow::Result<()> {
    let status = Command::new(millwright)
        .args(["run", &format!("f/devgodzilla/{flow}")])
        .args(["-i", &format!("protocol_run_id={protocol}")])
        .args(["--database", server.database()])
        .env("TASKSGODZILLA_API_URL", server.url())
        .env("TASKSGODZILLA_API_TOKEN", server.token())
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {}", millwright.display()))?;
    ensure!(status.success(), "the flow {flow} failed: {status}");
    Ok(())
}

fn follow_a_log(api: &Api, runs: &Value) -> anyhow::Result<()> {
    let newest = runs
        .as_array()
        .into_iter()
        .flatten()
        .find(|run| run["run_kind"] == "exec");
    let id = newest
        .and_then(|run| run["run_id"].as_str())
        .context("no run was registered")?;
    report::heading(&format!(
        "The newest run's log, through the API: GET /codex/runs/{id}/logs/stream"
    ));
    api.follow_log(id)
}

fn check_all_is_true(api: &Api, protocol: i64, runs: &Value) -> anyhow::Result<()> {
    let protocol = api.get(&format!("/protocols/{protocol}"))?;
    ensure!(
        protocol["status"] == "completed",
        "the protocol is {}",
        protocol["status"]
    );
    for run in runs.as_array().into_iter().flatten() {
        ensure!(
            run["status"] == "succeeded",
            "the run {} is {}",
            run["run_id"],
            run["status"]
        );
    }
    Ok(())
}
