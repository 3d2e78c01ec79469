//! `protocol_select_next_step`: claims the step that is to run next, or all that are ready.
//!
//! Always so: the holder is the flow's job, so a repeated selection gets the claims of the first.

use millwright_core::catalog::Script;
use millwright_core::catalog::scripts::protocol_select_next_step::{Args, Output};
use serde_json::Value;

use super::registration::{Belongs, params, registered};
use super::{StepError, job};
use crate::client::Client;
use crate::host::Host;

/// Claims through the API.
///
/// # Errors
/// When the API does not answer or refuses. No ready step is no error.
pub(super) async fn run(args: Args, host: &impl Host) -> Result<Output, StepError> {
    let belongs = Belongs::protocol(args.protocol_run_id);
    let given = params([
        ("protocol_run_id", args.protocol_run_id.into()),
        (
            "all",
            if args.all {
                Value::Bool(true)
            } else {
                Value::Null
            },
        ),
    ]);
    registered(host, Args::NAME, belongs, given, claim(&args, host)).await
}

async fn claim(args: &Args, host: &impl Host) -> Result<Output, StepError> {
    let client = Client::protocols(host)?;
    let selected = client
        .claim_steps(args.protocol_run_id, &job::holder(host), args.all)
        .await?;
    host.log(&selected.message);
    Ok(selected)
}
