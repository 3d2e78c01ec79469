//! `step_execute_api`: has the API execute a step, and waits for it.
//!
//! Always so: with a claim it starts at most one execution, however often it is called.

use millwright_core::catalog::Script;
use millwright_core::catalog::scripts::step_execute_api::{Args, Output};

use super::StepError;
use super::execution::result_of;
use super::registration::{Belongs, params, registered};
use crate::client::Client;
use crate::host::Host;

/// Executes through the API.
///
/// # Errors
/// When the API refuses, and when the execution fails or is cancelled.
pub(super) async fn run(args: Args, host: &impl Host) -> Result<Output, StepError> {
    let belongs = Belongs::step(args.step_run_id);
    let given = params([("step_run_id", args.step_run_id.into())]);
    registered(host, Args::NAME, belongs, given, execute(&args, host)).await
}

async fn execute(args: &Args, host: &impl Host) -> Result<Output, StepError> {
    let client = Client::protocols(host)?;
    let start = client.execute_step(args.step_run_id, args.claim.as_deref());
    let step: Output = result_of(&client, host, start).await?;
    host.log(&format!(
        "step {} was executed: it is {}",
        step.step_name, step.status
    ));
    Ok(step)
}
