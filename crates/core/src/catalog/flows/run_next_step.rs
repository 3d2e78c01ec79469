//! `run_next_step`: claims a protocol's next step, executes it, and checks it.
//!
//! Always so: an error fails the flow, no step yields the selection with its reason, a step yields its outcome.

use super::common::{
    Execution, Registered, execute_and_check, flow as named, gates, project_id, register,
};
use crate::catalog::scripts::protocol_select_next_step as select;
use crate::catalog::{BuildError, FlowDefinition};

pub(super) fn flow() -> Result<FlowDefinition, BuildError> {
    let mut flow = named(
        "run_next_step",
        "Runs a protocol's next step",
        "Claims the protocol's next step, executes it, and has it checked if it needs that. Yields \
         the verdict; for a step that needs no check, the step; when no step is ready, the selection, \
         with `step_run_id` null and the reason in `message`.",
    );
    let protocol_run_id = flow
        .input::<i64>("protocol_run_id", "The protocol run.")
        .required();
    let gates = gates(&mut flow);
    let run = Registered {
        run_kind: "exec",
        project_id: project_id(&mut flow),
        protocol_run_id: Some(protocol_run_id.optional()),
        step_run_id: None,
    };
    register(&mut flow, run);
    let body = flow.body();
    let call = select::call(protocol_run_id).step().retry(2, 1);
    let selected = body.step("select_next_step", call);
    let step_run_id = selected.get(select::Output::step_run_id);
    let claim = selected.get(select::Output::claim);
    body.choose("branch_has_step", "Is there a step to run?", |branches| {
        branches.when("No step is ready", step_run_id.is_null(), |_| {});
        branches.when_some("A step is claimed", &step_run_id, |body, step_run_id| {
            let execution = Execution {
                step_run_id,
                claim: Some(claim),
                gates: Some(&gates),
            };
            execute_and_check(body, &execution);
        });
    });
    flow.build()
}
