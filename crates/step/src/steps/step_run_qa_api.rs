//! `step_run_qa_api`: has the API check an executed step, and waits for the verdict.
//!
//! Always so: a verdict of `failed` is a result; only a check that could not be made fails the job.

use millwright_core::catalog::Script;
use millwright_core::catalog::scripts::step_run_qa_api::{Args, Output};

use super::StepError;
use super::execution::result_of;
use super::registration::{Belongs, params, registered};
use crate::client::Client;
use crate::host::Host;

/// Checks through the API.
///
/// # Errors
/// When the API refuses, and when the check fails to be made or is cancelled.
pub(super) async fn run(args: Args, host: &impl Host) -> Result<Output, StepError> {
    let belongs = Belongs::step(args.step_run_id);
    let given = params([
        ("step_run_id", args.step_run_id.into()),
        ("gates", args.gates.clone().into()),
    ]);
    registered(host, Args::NAME, belongs, given, check(&args, host)).await
}

async fn check(args: &Args, host: &impl Host) -> Result<Output, StepError> {
    let client = Client::protocols(host)?;
    let (claim, gates) = (args.claim.as_deref(), args.gates.as_deref());
    let start = client.check_step(args.step_run_id, claim, gates);
    let check: Output = result_of(&client, host, start).await?;
    host.log(&format!("{}: {}", check.verdict, check.summary));
    Ok(check)
}
