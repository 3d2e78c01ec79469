//! The seven flows, one file each.
//!
//! Always so: a flow begins with `tgz_emit_refs` and ends its run as failed when it fails.

mod common;
mod execute_protocol;
mod full_protocol;
mod project_onboarding;
mod protocol_start;
mod run_next_step;
mod spec_to_tasks;
mod step_execute_with_qa;

use super::{BuildError, FlowDefinition};

/// Every flow.
///
/// # Errors
/// Where one cannot be built; a test makes sure that all can.
pub fn all() -> Result<Vec<FlowDefinition>, BuildError> {
    [
        project_onboarding::flow,
        spec_to_tasks::flow,
        protocol_start::flow,
        run_next_step::flow,
        step_execute_with_qa::flow,
        execute_protocol::flow,
        full_protocol::flow,
    ]
    .into_iter()
    .map(|flow| flow())
    .collect()
}
