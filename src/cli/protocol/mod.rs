//! `millwright protocol`: shows protocols, and does with them what people do.
//!
//! Always so: everything goes through a server's API; `--json` prints what that answers.

mod events;
mod show;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::remote::{Remote, RemoteArgs};
use super::serve::block_on;
use super::{CommandError, Exit, output};

/// Shows protocols, and starts, stops, mends and answers them.
#[derive(Debug, Args)]
pub(super) struct ProtocolArgs {
    #[command(subcommand)]
    command: ProtocolCommand,
    #[command(flatten)]
    server: RemoteArgs,
    /// Prints what the API answers, as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum ProtocolCommand {
    /// Lists protocols, newest first.
    List(ListArgs),
    /// Shows a protocol: its steps, and the questions that wait for an answer.
    Show(OneArgs),
    /// Shows what happened, oldest first.
    Events(events::EventsArgs),
    /// Starts a protocol: its steps are made from its spec, or an engine plans them.
    Start(StartArgs),
    /// Stops a protocol for a while: no step is chosen, those under way go on.
    Pause(OneArgs),
    /// Lets a paused protocol go on.
    Resume(OneArgs),
    /// Ends a protocol, and stops what is under way.
    Cancel(OneArgs),
    /// Makes a step that failed or is blocked ready again; of a protocol, the last one.
    Retry(RetryArgs),
    /// Takes a step as done, whatever its check says.
    Approve(StepArgs),
    /// Answers a question, which lets go on what waits for it.
    Answer(AnswerArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Those of a project.
    #[arg(long, value_name = "ID")]
    project: Option<i64>,
    /// Those that stand so, such as `running`.
    #[arg(long)]
    status: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 20)]
    limit: u32,
}

#[derive(Debug, Args)]
struct OneArgs {
    /// The protocol's id.
    protocol: i64,
}

#[derive(Debug, Args)]
struct StartArgs {
    #[command(flatten)]
    one: OneArgs,
    /// Asks an engine for another plan, before any step has begun.
    #[arg(long)]
    replan: bool,
}

#[derive(Debug, Args)]
struct RetryArgs {
    /// The protocol's id.
    #[arg(required_unless_present = "step")]
    protocol: Option<i64>,
    /// The step's id.
    #[arg(long, value_name = "ID", conflicts_with = "protocol")]
    step: Option<i64>,
}

#[derive(Debug, Args)]
struct StepArgs {
    /// The step's id.
    step: i64,
}

#[derive(Debug, Args)]
struct AnswerArgs {
    /// The question's id.
    question: i64,
    /// The answer.
    answer: String,
}

/// Runs the command.
pub(super) fn run(args: &ProtocolArgs) -> Result<Exit, CommandError> {
    let remote = args.server.remote()?;
    block_on(dispatch(args, &remote))
}

async fn dispatch(args: &ProtocolArgs, remote: &Remote) -> Result<Exit, CommandError> {
    use ProtocolCommand as C;
    match &args.command {
        C::List(list) => tell(args, &remote.get(&list.path()).await?, show::protocols),
        C::Show(one) => return show_one(args, one.protocol, remote).await,
        C::Events(events) => return events::run(events, args.json, remote).await,
        C::Start(start) => {
            let body = json!({"replan": start.replan});
            act(args, &start.one, "start", &body, remote).await?;
        }
        C::Pause(one) => act(args, one, "pause", &json!({}), remote).await?,
        C::Resume(one) => act(args, one, "resume", &json!({}), remote).await?,
        C::Cancel(one) => act(args, one, "cancel", &json!({}), remote).await?,
        C::Retry(retry) => {
            let step = remote.post(&retry.path(), &json!({})).await?;
            tell(args, &step, show::step);
        }
        C::Approve(one) => {
            let path = format!("/steps/{}/actions/approve", one.step);
            let step = remote.post(&path, &json!({})).await?;
            tell(args, &step, show::step);
        }
        C::Answer(answer) => {
            let path = format!("/clarifications/{}/answer", answer.question);
            let body = json!({"answer": answer.answer});
            tell(args, &remote.post(&path, &body).await?, show::question);
        }
    }
    Ok(Exit::Done)
}

async fn act(
    args: &ProtocolArgs,
    one: &OneArgs,
    action: &str,
    body: &Value,
    remote: &Remote,
) -> Result<(), CommandError> {
    let path = format!("/protocols/{}/actions/{action}", one.protocol);
    let run = remote.post(&path, body).await?;
    tell(args, &run, show::protocol);
    Ok(())
}

async fn show_one(args: &ProtocolArgs, id: i64, remote: &Remote) -> Result<Exit, CommandError> {
    let run = remote.get(&format!("/protocols/{id}")).await?;
    let steps = remote.get(&format!("/protocols/{id}/steps")).await?;
    let open = format!("/clarifications?protocol_run_id={id}&status=open");
    let questions = remote.get(&open).await?;
    let whole = json!({"protocol": run, "steps": steps, "clarifications": questions});
    tell(args, &whole, show::whole);
    Ok(Exit::Done)
}

fn tell(args: &ProtocolArgs, answer: &Value, show: impl FnOnce(&Value)) {
    if args.json {
        output::line(answer);
    } else {
        show(answer);
    }
}

impl ListArgs {
    fn path(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", &self.limit.to_string());
        if let Some(project) = self.project {
            query.append_pair("project_id", &project.to_string());
        }
        if let Some(status) = &self.status {
            query.append_pair("status", status);
        }
        format!("/protocols?{}", query.finish())
    }
}

impl RetryArgs {
    fn path(&self) -> String {
        match (self.step, self.protocol) {
            (Some(step), _) => format!("/steps/{step}/actions/retry"),
            (None, protocol) => {
                let protocol = protocol.expect("clap asks for one of the two");
                format!("/protocols/{protocol}/actions/retry_latest")
            }
        }
    }
}
