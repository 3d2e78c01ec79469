//! `handle_feedback`: what follows when a protocol did not pass.
//!
//! Always so: a step is tried again by itself a few times at most; then a person is asked.

mod question;
#[cfg(test)]
mod tests;

use millwright_core::catalog::scripts::handle_feedback::{
    Action, Args, MOST_RETRIES, NextAction, Output,
};
use millwright_core::catalog::{Object, Script};
use millwright_core::protocol::{ProtocolStatus, StepRun, StepStatus};
use serde_json::Value;

use super::StepError;
use super::registration::{Belongs, params, registered};
use crate::client::{Asked, Client};
use crate::host::{Host, date};

/// Does what the action says, through the API.
///
/// # Errors
/// When the API refuses, and when neither a step nor a protocol is named that the action needs.
pub(super) async fn run(args: Args, host: &impl Host) -> Result<Output, StepError> {
    let belongs = Belongs {
        project_id: None,
        step_run_id: named(args.step_run_id),
        protocol_run_id: named(args.protocol_run_id),
    };
    let given = params([("action", serde_json::json!(args.action))]);
    registered(host, Args::NAME, belongs, given, handle(args, host)).await
}

async fn handle(args: Args, host: &impl Host) -> Result<Output, StepError> {
    let action = serde_json::json!(args.action);
    let feedback = Feedback {
        client: Client::protocols(host)?,
        args,
    };
    let mut output = match feedback.args.action {
        Action::Clarify => feedback.clarify().await?,
        Action::Retry => feedback.retry().await?,
        Action::Skip => feedback.skip().await?,
        Action::Block => feedback.block().await?,
        Action::RePlan => next(NextAction::GeneratePlan, "the plan is to be made again"),
        Action::ReSpecify => next(
            NextAction::GenerateSpec,
            "the specification is to be made again",
        ),
    };
    let mut context = feedback.args.context;
    context.append(&mut output.updated_context);
    let now = date::utc(host.since_1970());
    context.insert("feedback_handled_at".to_owned(), now.into());
    context.insert("feedback_action".to_owned(), action);
    output.updated_context = context;
    if let Some(message) = &output.message {
        host.log(message);
    }
    Ok(output)
}

/// What is to be handled, and who does it.
struct Feedback<'a, H> {
    client: Client<'a, H>,
    args: Args,
}

impl<H: Host> Feedback<'_, H> {
    async fn clarify(&self) -> Result<Output, StepError> {
        if let Some(step) = self.step().await? {
            refuse_healthy(&step)?;
            return self.ask(&step).await;
        }
        let protocol = self.protocol_run_id()?;
        let status = self.client.protocol(protocol).await?.status;
        if status.is_terminal() {
            let message = format!(
                "protocol {protocol} is {status}, so nothing in it can wait for an answer: mend what did not pass by hand, \
                 or in another protocol"
            );
            return Ok(next(NextAction::Manual, &message));
        }
        let what = format!("Protocol {protocol} did not pass");
        let of = Asked::ProtocolRunId(protocol);
        question::ask(&self.client, of, &what, &self.args.context).await
    }

    async fn ask(&self, step: &StepRun) -> Result<Output, StepError> {
        let (name, status) = (&step.step_name, step.status);
        let what = match &step.summary {
            Some(summary) => format!("Step {name} is {status}: {summary}"),
            None => format!("Step {name} is {status}"),
        };
        let of = Asked::StepRunId(step.id);
        question::ask(&self.client, of, &what, &self.args.context).await
    }

    async fn retry(&self) -> Result<Output, StepError> {
        let step = self.needed_step().await?;
        let (id, name, status) = (step.id, &step.step_name, step.status);
        match status {
            StepStatus::Failed | StepStatus::Blocked => {}
            StepStatus::Pending | StepStatus::Running | StepStatus::NeedsQa => {
                let message = format!("step {id} ({name}) is {status} already");
                return Ok(retried(&message, step.retries));
            }
            StepStatus::Completed | StepStatus::Cancelled | StepStatus::Skipped => {
                return Err(StepError::failed(format!(
                    "step {id} ({name}) is {status}: there is nothing to try again"
                )));
            }
        }
        let before = self.retries().max(step.retries);
        let waits = status == StepStatus::Blocked && question::is_open(&self.client, id).await?;
        if before >= MOST_RETRIES || waits {
            return self.ask(&step).await;
        }
        self.client.retry_step(id).await?;
        let message = format!("step {id} ({name}) may be chosen again");
        Ok(retried(&message, before + 1))
    }

    async fn skip(&self) -> Result<Output, StepError> {
        let step = self.needed_step().await?;
        if step.status != StepStatus::Skipped {
            self.client.skip_step(step.id).await?;
        }
        let message = format!("step {} ({}) is skipped", step.id, step.step_name);
        Ok(Output {
            resolved: true,
            step_skipped: true,
            ..next(NextAction::Continue, &message)
        })
    }

    /// A protocol that is blocked stays so; any other is paused, which a person can take back.
    async fn block(&self) -> Result<Output, StepError> {
        let id = match named(self.args.protocol_run_id) {
            Some(id) => id,
            None => self.needed_step().await?.protocol_run_id,
        };
        let message = if self.client.protocol(id).await?.status == ProtocolStatus::Blocked {
            format!("protocol {id} is blocked until someone sees to its steps")
        } else {
            self.client.pause_protocol(id).await?;
            format!("protocol {id} is paused until someone resumes it")
        };
        Ok(Output {
            blocked: true,
            ..next(NextAction::Manual, &message)
        })
    }

    /// The step that is meant: the named one, else the one that the verdict names, else the protocol's first that failed
    /// or is blocked.
    async fn step(&self) -> Result<Option<StepRun>, StepError> {
        let of_verdict = self.args.context.get("failed_step_run_id");
        let id = named(self.args.step_run_id)
            .or_else(|| of_verdict.and_then(Value::as_i64).filter(|id| *id != 0));
        let protocol = named(self.args.protocol_run_id);
        if let Some(id) = id {
            let step = self.client.step(id).await?;
            refuse_other(&step, protocol)?;
            return Ok(Some(step));
        }
        let Some(protocol) = protocol else {
            return Ok(None);
        };
        let steps = self.client.steps(protocol).await?;
        Ok(steps.into_iter().find(is_bad))
    }

    async fn needed_step(&self) -> Result<StepRun, StepError> {
        let missing =
            || StepError::bad_argument("step_run_id", "name the step; none is failed or blocked");
        self.step().await?.ok_or_else(missing)
    }

    fn protocol_run_id(&self) -> Result<i64, StepError> {
        let missing = || {
            let problem = "name the step, or the protocol by protocol_run_id";
            StepError::bad_argument("step_run_id", problem)
        };
        named(self.args.protocol_run_id).ok_or_else(missing)
    }

    /// How often the caller has had it tried again.
    fn retries(&self) -> i64 {
        let count = self.args.context.get("retry_count");
        count.and_then(Value::as_i64).unwrap_or_default()
    }
}

/// Flows pass 0 for what nobody named.
fn named(id: Option<i64>) -> Option<i64> {
    id.filter(|id| *id != 0)
}

fn is_bad(step: &StepRun) -> bool {
    matches!(step.status, StepStatus::Failed | StepStatus::Blocked)
}

/// A question about a step that nothing is wrong with would hold it back for nothing.
fn refuse_healthy(step: &StepRun) -> Result<(), StepError> {
    if is_bad(step) {
        return Ok(());
    }
    let (id, name, status) = (step.id, &step.step_name, step.status);
    Err(StepError::failed(format!(
        "step {id} ({name}) is {status}: a question is asked about one that has failed or is blocked"
    )))
}

/// A step and a protocol that are both named belong together.
fn refuse_other(step: &StepRun, protocol: Option<i64>) -> Result<(), StepError> {
    match protocol {
        Some(protocol) if protocol != step.protocol_run_id => Err(StepError::bad_argument(
            "step_run_id",
            format!("step {} is none of protocol {protocol}'s", step.id),
        )),
        _ => Ok(()),
    }
}

fn retried(message: &str, retries: i64) -> Output {
    Output {
        resolved: true,
        updated_context: Object::from_iter([("retry_count".to_owned(), retries.into())]),
        ..next(NextAction::ExecuteStep, message)
    }
}

fn next(next_action: NextAction, message: &str) -> Output {
    Output {
        resolved: false,
        next_action,
        updated_context: Object::new(),
        question: None,
        options: Vec::new(),
        message: Some(message.to_owned()),
        step_skipped: false,
        blocked: false,
    }
}
