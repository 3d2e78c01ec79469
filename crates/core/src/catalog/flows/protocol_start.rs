//! `protocol_start`: plans an existing protocol run and waits for the plan.
//!
//! Always so: the step's time limit is longer than the waiting that was asked for.

use super::common::{Registered, flow as named, project_id, register};
use crate::catalog::scripts::protocol_plan_and_wait as plan;
use crate::catalog::{BuildError, FlowDefinition};

pub(super) fn flow() -> Result<FlowDefinition, BuildError> {
    let mut flow = named(
        "protocol_start",
        "Plans a protocol",
        "Starts the planning of a protocol run and waits until it is over. Yields the protocol and \
         its status.",
    );
    let protocol_run_id = flow
        .input::<i64>("protocol_run_id", "The protocol run.")
        .required();
    let about = "How many seconds to wait for the plan.";
    let timeout_seconds = flow.input::<i64>("timeout_seconds", about).default(300);
    let about = "How many milliseconds between two looks.";
    let poll_interval_ms = flow.input::<i64>("poll_interval_ms", about).default(500);
    let run = Registered {
        run_kind: "planning",
        project_id: project_id(&mut flow),
        protocol_run_id: Some(protocol_run_id.optional()),
        step_run_id: None,
    };
    register(&mut flow, run);
    flow.one_at_a_time("$workspace/planning/$args[protocol_run_id]");
    let call = plan::call(protocol_run_id)
        .timeout_seconds(&timeout_seconds)
        .poll_interval_ms(poll_interval_ms);
    let step = call.step().timeout(timeout_seconds.plus(60)).retry(2, 5);
    flow.body().step("plan_and_wait", step);
    flow.build()
}
