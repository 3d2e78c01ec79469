//! Waiting for an execution that the API has started.
//!
//! Always so: while it is waited for, the end of this program cancels it.

use std::time::Duration;

use millwright_core::catalog::Object;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::StepError;
use crate::client::{Client, ClientError, Execution, ExecutionStatus, Started};
use crate::host::Host;

/// One call waits this long.
const WAIT: Duration = Duration::from_secs(30);
/// The API may be away this long, as when it is started anew.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two calls that did not wait.
const PAUSE: Duration = Duration::from_millis(500);

/// Waits until the execution has ended, and gives its result.
///
/// # Errors
/// When it fails or is cancelled, when its result is not a `T`, and when the API stays away.
pub(super) async fn result_of<H: Host, T: DeserializeOwned>(
    client: &Client<'_, H>,
    host: &H,
    started: &Started,
) -> Result<T, StepError> {
    let _guard = host.cancel_if_terminated(client.cancellation(&started.execution_id));
    let mut answered = host.now();
    loop {
        let asked = host.now();
        match client.execution(&started.execution_id, WAIT).await {
            Ok(Execution {
                status: ExecutionStatus::Running,
                ..
            }) => answered = host.now(),
            Ok(ended) => return outcome(ended),
            Err(error) => bear(host, error, answered)?,
        }
        if host.now().saturating_sub(asked) < PAUSE {
            host.sleep(PAUSE).await;
        }
    }
}

/// Bears an error that may pass, for a while.
fn bear(host: &impl Host, error: ClientError, answered: Duration) -> Result<(), ClientError> {
    if !error.is_passing() || host.now().saturating_sub(answered) > PATIENCE {
        return Err(error);
    }
    host.log(&format!("warning: {error}; asking again"));
    Ok(())
}

fn outcome<T: DeserializeOwned>(ended: Execution) -> Result<T, StepError> {
    let how = match ended.status {
        ExecutionStatus::Failed => "failed",
        ExecutionStatus::Cancelled => "was cancelled",
        ExecutionStatus::Succeeded | ExecutionStatus::Running => {
            let unlike = |error| {
                StepError::failed(format!("the execution's result is not understood: {error}"))
            };
            return serde_path_to_error::deserialize(ended.result).map_err(unlike);
        }
    };
    let message = match reason(&ended.error) {
        Some(reason) => format!("the execution {how}: {reason}"),
        None => format!("the execution {how}"),
    };
    Err(StepError::Failed {
        message,
        details: Object::from_iter([("error".to_owned(), ended.error)]),
    })
}

fn reason(error: &Value) -> Option<&str> {
    error.as_str().or_else(|| error.get("message")?.as_str())
}
