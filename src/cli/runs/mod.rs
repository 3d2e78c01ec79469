//! `millwright runs`: runs of flows and steps, their logs, and what they left behind.
//!
//! Always so: everything is asked of the refs API, wherever the run ran, but for jobs that it does not know yet; `--json` prints what that answers.

mod backfill;
mod show;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use super::frames::{self, Frame};
use super::remote::{Remote, RemoteArgs};
use super::serve::block_on;
use super::{CommandError, Exit, output};

/// Shows runs: how they ended, their logs, and what they left behind.
#[derive(Debug, Args)]
pub(super) struct RunsArgs {
    #[command(subcommand)]
    command: RunsCommand,
    #[command(flatten)]
    server: RemoteArgs,
    /// Prints what the API answers, as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum RunsCommand {
    /// Lists runs, newest first.
    List(ListArgs),
    /// Shows a run: how it stands, what it was called with, and what it yielded.
    Show(OneArgs),
    /// Prints a run's log.
    Logs(LogsArgs),
    /// Lists what a run left behind, by reference; with `--content`, prints one of them.
    Artifacts(ArtifactsArgs),
    /// Registers runs of deployed flows that could not register themselves, because the API was away. May be repeated.
    Backfill(backfill::BackfillArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Those that stand so: `queued`, `running`, `succeeded`, `failed` or `cancelled`.
    #[arg(long)]
    status: Option<String>,
    /// Those of this kind of job, such as `windmill_run_next_step`.
    #[arg(long, value_name = "TYPE")]
    job_type: Option<String>,
    /// Those for this purpose, such as `exec`.
    #[arg(long, value_name = "KIND")]
    run_kind: Option<String>,
    /// Those of a project.
    #[arg(long, value_name = "ID")]
    project: Option<i64>,
    /// Those of a protocol run.
    #[arg(long, value_name = "ID")]
    protocol: Option<i64>,
    /// Those of a step run.
    #[arg(long, value_name = "ID")]
    step: Option<i64>,
    /// At most so many.
    #[arg(long, default_value_t = 20)]
    limit: u32,
}

#[derive(Debug, Args)]
struct OneArgs {
    /// The run's id.
    run: String,
}

#[derive(Debug, Args)]
struct LogsArgs {
    #[command(flatten)]
    one: OneArgs,
    /// Goes on until the run ends, or Ctrl-C.
    #[arg(short, long)]
    follow: bool,
    /// Whose log: the flow's where the run has one, the run's own job's, or its agent's.
    #[arg(long, value_enum)]
    source: Option<Source>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Source {
    Flow,
    Job,
    Agent,
}

#[derive(Debug, Args)]
struct ArtifactsArgs {
    #[command(flatten)]
    one: OneArgs,
    /// Those of this kind, such as `log`, `result` or `error`.
    #[arg(long)]
    kind: Option<String>,
    /// Prints what the artifact with this id or name refers to.
    #[arg(long, value_name = "ID|NAME")]
    content: Option<String>,
}

/// Runs the command.
pub(super) fn run(args: &RunsArgs) -> Result<Exit, CommandError> {
    let remote = args.server.remote()?;
    block_on(dispatch(args, &remote))
}

async fn dispatch(args: &RunsArgs, remote: &Remote) -> Result<Exit, CommandError> {
    match &args.command {
        RunsCommand::List(list) => {
            let runs = remote.get(&list.path()).await?;
            tell(args, &runs, show::list);
        }
        RunsCommand::Show(one) => {
            let run = remote.get(&one.path("")?).await?;
            tell(args, &run, show::run);
        }
        RunsCommand::Logs(logs) => return logs.print(args.json, remote).await,
        RunsCommand::Artifacts(artifacts) => artifacts.print(args, remote).await?,
        RunsCommand::Backfill(backfill) => backfill.run(args.json, remote).await?,
    }
    Ok(Exit::Done)
}

fn tell(args: &RunsArgs, answer: &Value, show: impl FnOnce(&Value)) {
    if args.json {
        output::line(answer);
    } else {
        show(answer);
    }
}

/// A query of what is named.
fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, Option<String>)>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        if let Some(value) = value {
            query.append_pair(name, &value);
        }
    }
    query.finish()
}

impl ListArgs {
    fn path(&self) -> String {
        let number = |id: Option<i64>| id.map(|id| id.to_string());
        let query = query([
            ("limit", Some(self.limit.to_string())),
            ("status", self.status.clone()),
            ("job_type", self.job_type.clone()),
            ("run_kind", self.run_kind.clone()),
            ("project_id", number(self.project)),
            ("protocol_run_id", number(self.protocol)),
            ("step_run_id", number(self.step)),
        ]);
        format!("/codex/runs?{query}")
    }
}

impl OneArgs {
    /// A route of the run. Its id may hold what an address does not.
    fn path(&self, below: &str) -> Result<String, CommandError> {
        if [".", "..", ""].contains(&self.run.as_str()) {
            let message = format!(
                "{:?} is no run's id: `millwright runs list` lists them",
                self.run
            );
            return Err(CommandError::new(Exit::BadInput, message));
        }
        let mut path = url::Url::parse("http://api/codex/runs").expect("it is an address");
        path.path_segments_mut()
            .expect("it has a path")
            .push(&self.run);
        Ok(format!("{}{below}", path.path()))
    }
}

impl LogsArgs {
    async fn print(&self, json: bool, remote: &Remote) -> Result<Exit, CommandError> {
        let source = self.source.as_ref().and_then(Source::to_possible_value);
        let source = source.map(|source| source.get_name().to_owned());
        let query = query([("source", source)]);
        if self.follow {
            let path = self.one.path(&format!("/logs/stream?{query}"))?;
            return follow(&path, json, remote).await;
        }
        let path = self.one.path(&format!("/logs?{query}"))?;
        remote.print(&path).await?;
        Ok(Exit::Done)
    }
}

/// Prints a log as it comes; the exit code is the run's.
async fn follow(path: &str, json: bool, remote: &Remote) -> Result<Exit, CommandError> {
    let told = |frame: Frame<'_>| match frame.data["chunk"].as_str() {
        Some(text) if frame.event == "log" && !json => output::part(text),
        Some(_) if frame.event == "log" => output::line(&frame.data),
        _ => {}
    };
    let end = frames::follow(path, remote, told).await?;
    let status = end["status"].as_str().unwrap_or_default();
    if json {
        output::line(&end);
    } else {
        output::note(format_args!("the run has {status}"));
    }
    Ok(if status == "succeeded" {
        Exit::Done
    } else {
        Exit::Failed
    })
}

impl ArtifactsArgs {
    async fn print(&self, args: &RunsArgs, remote: &Remote) -> Result<(), CommandError> {
        let query = query([("kind", self.kind.clone())]);
        let path = self.one.path(&format!("/artifacts?{query}"))?;
        let artifacts = remote.get(&path).await?;
        let Some(wanted) = &self.content else {
            tell(args, &artifacts, show::artifacts);
            return Ok(());
        };
        let all = artifacts.as_array().into_iter().flatten();
        let mut named = all.filter(|one| {
            one["name"] == **wanted
                || one["id"]
                    .as_i64()
                    .is_some_and(|id| id.to_string() == *wanted)
        });
        let id = named.next().and_then(|one| one["id"].as_i64());
        let id = id.ok_or_else(|| {
            let message = format!(
                "the run has no artifact {wanted:?}: `millwright runs artifacts {}` lists them",
                self.one.run
            );
            CommandError::new(Exit::BadInput, message)
        })?;
        let path = self.one.path(&format!("/artifacts/{id}/content"))?;
        remote.print(&path).await
    }
}
