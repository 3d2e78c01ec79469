//! `step_execute_with_qa`: executes a given step and checks it.
//!
//! Always so: a step whose execution failed is not checked.

use super::common::{
    Execution, Registered, execute_and_check, flow as named, gates, project_id, register,
};
use crate::catalog::{BuildError, FlowDefinition};

pub(super) fn flow() -> Result<FlowDefinition, BuildError> {
    let mut flow = named(
        "step_execute_with_qa",
        "Runs one step",
        "Executes a step and has it checked if it needs that. Yields the verdict; for a step that \
         needs no check, the step.",
    );
    let step_run_id = flow.input::<i64>("step_run_id", "The step run.").required();
    let about = "The protocol run that the step belongs to.";
    let protocol_run_id = flow.input::<i64>("protocol_run_id", about).optional();
    let gates = gates(&mut flow);
    let run = Registered {
        run_kind: "exec",
        project_id: project_id(&mut flow),
        protocol_run_id: Some(protocol_run_id.unless_empty()),
        step_run_id: Some(step_run_id.optional()),
    };
    register(&mut flow, run);
    let execution = Execution {
        step_run_id,
        claim: None,
        gates: Some(&gates),
    };
    execute_and_check(flow.body(), &execution);
    flow.build()
}
