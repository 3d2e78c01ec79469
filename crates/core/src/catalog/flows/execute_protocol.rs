//! `execute_protocol`: one step on the worker itself, with its check.
//!
//! Always so: the check is about the step that was executed, under the same claim. Steps that are named by protocol and id take turns.

use super::common::{Registered, flow as named, project_id, register};
use crate::catalog::scripts::{execute_step as execute, run_qa as qa};
use crate::catalog::{BuildError, FlowDefinition, Object};
use crate::protocol::StepStatus;

pub(super) fn flow() -> Result<FlowDefinition, BuildError> {
    let mut flow = named(
        "execute_protocol",
        "Runs one step on this worker",
        "Executes a step on this worker and checks it if it needs that. The step is `step_run_id`, \
         or `step_id` in `protocol_run_id`. Yields the verdict; for a step that needs no check, the \
         execution.",
    );
    let about = "The step's id in its protocol, such as T001.";
    let step_id = flow.input::<String>("step_id", about).blank(String::new());
    let about = "The step run, instead of step_id.";
    let step_run_id = flow.input::<i64>("step_run_id", about).blank(0);
    let about = "The agent that executes it when its spec names none.";
    let agent_id = flow.input::<String>("agent_id", about).default("codex");
    let about = "The protocol run that the step belongs to.";
    let protocol_run_id = flow.input::<i64>("protocol_run_id", about).blank(0);
    let about = "What the engine is told beside the prompt.";
    let context = flow
        .input::<Object>("context", about)
        .default(Object::new());
    let run = Registered {
        run_kind: "exec",
        project_id: project_id(&mut flow),
        protocol_run_id: Some(protocol_run_id.clone()),
        step_run_id: Some(step_run_id.clone()),
    };
    register(&mut flow, run);
    flow.one_at_a_time("$workspace/protocol/$args[protocol_run_id]/step/$args[step_run_id]");
    let body = flow.body();
    let call = execute::call()
        .step_run_id(step_run_id)
        .protocol_run_id(protocol_run_id)
        .step_id(step_id)
        .agent_id(agent_id)
        .context(context);
    let executed = body.step("execute_step", call);
    let checked = executed
        .get(execute::Output::step_status)
        .is_not(StepStatus::NeedsQa);
    let call = qa::call()
        .step_run_id(executed.get(execute::Output::step_run_id))
        .claim(executed.get(execute::Output::claim));
    body.step("run_qa", call.step().skip_if(checked));
    flow.build()
}
