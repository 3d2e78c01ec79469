//! Waiting for an execution that the API has started.
//!
//! Always so: while it is waited for, the end of this program cancels it.

use std::time::Duration;

use millwright_core::catalog::Object;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::StepError;
use crate::client::{Client, ClientError, Execution, ExecutionId, ExecutionStatus, Started};
use crate::host::Host;

/// One call waits this long.
const WAIT: Duration = Duration::from_secs(30);
/// The API may be away this long, as when it is started anew.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two calls that did not wait.
const PAUSE: Duration = Duration::from_millis(500);

/// Starts an execution by `start`, waits until it has ended, and gives its result.
///
/// # Errors
/// When it cannot be started, fails or is cancelled, when its result is not a `T`, and when the API stays away.
pub(super) async fn result_of<H: Host, T: DeserializeOwned>(
    client: &Client<'_, H>,
    host: &H,
    start: impl Future<Output = Result<Started, ClientError>>,
) -> Result<T, StepError> {
    let beginning = host.hold_termination();
    let started = start.await?;
    let _guard = host.cancel_if_terminated(client.cancellation(&started.execution_id));
    drop(beginning);
    let ended = wait(client, host, &started.execution_id).await?;
    outcome(ended)
}

async fn wait<H: Host>(
    client: &Client<'_, H>,
    host: &H,
    id: &ExecutionId,
) -> Result<Execution, ClientError> {
    let mut answered = host.now();
    loop {
        let asked = host.now();
        match client.execution(id, WAIT).await {
            Ok(Execution {
                status: ExecutionStatus::Running,
                ..
            }) => answered = host.now(),
            Ok(ended) => return Ok(ended),
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
    let (how, kind) = match ended.status {
        ExecutionStatus::Failed => ("failed", None),
        ExecutionStatus::Cancelled => ("was cancelled", Some("Cancelled")),
        ExecutionStatus::Succeeded | ExecutionStatus::Running => {
            let unlike = |error: serde_json::Error| {
                StepError::failed(format!("the execution's result is not understood: {error}"))
            };
            return serde_json::from_value(ended.result).map_err(unlike);
        }
    };
    let message = match reason(&ended.error) {
        Some(reason) => format!("the execution {how}: {reason}"),
        None => format!("the execution {how}"),
    };
    let mut details = Object::from_iter([("error".to_owned(), ended.error)]);
    details.extend(kind.map(|kind| ("error_type".to_owned(), kind.into())));
    Err(StepError::Failed { message, details })
}

fn reason(error: &Value) -> Option<&str> {
    error.as_str().or_else(|| error.get("message")?.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::host::double::Double;
    use crate::host::{SendError, block_on};

    const ID: &str = "0e000000-0000-4000-8000-000000000009";

    fn wait_for(host: &Double) -> Result<Value, StepError> {
        let client = Client::protocols(host).unwrap();
        let started: Started = serde_json::from_value(json!({ "execution_id": ID })).unwrap();
        block_on(result_of(&client, host, std::future::ready(Ok(started))))
    }

    fn state(status: &str) -> Value {
        json!({"execution_id": ID, "status": status, "result": {"a": 1}, "error": null})
    }

    #[test]
    fn it_is_asked_for_until_it_has_ended_and_stands_to_be_cancelled() {
        let host = Double::new()
            .answer(200, &state("running"))
            .answer(200, &state("succeeded"));
        assert_eq!(wait_for(&host).unwrap(), json!({"a": 1}));
        assert_eq!(
            host.calls(),
            [
                format!("GET /executions/{ID}?wait=30"),
                format!("GET /executions/{ID}?wait=30")
            ]
        );
        assert_eq!(
            host.cancels(),
            [format!("POST /executions/{ID}/cancel {{}}")]
        );
        assert_eq!(
            host.now(),
            PAUSE,
            "an API that does not wait is not asked without end"
        );
    }

    #[test]
    fn an_api_that_is_away_for_a_while_is_borne() {
        let away = || SendError::TimedOut(Duration::ZERO);
        let host = Double::new()
            .fail(away())
            .answer(500, &json!({}))
            .answer(200, &state("succeeded"));
        assert!(wait_for(&host).is_ok());
        assert_eq!(host.lines().len(), 2);
        let host = (0..9).fold(Double::new(), |host, _| host.fail(away()));
        assert!(matches!(wait_for(&host), Err(StepError::Api(_))));
        assert!(
            host.now() < PATIENCE * 4,
            "it was borne for {:?}",
            host.now()
        );
    }

    #[test]
    fn an_execution_that_is_gone_or_cancelled_fails() {
        let gone = Double::new().answer(404, &json!({"detail": "Execution not found"}));
        assert!(
            wait_for(&gone)
                .unwrap_err()
                .to_string()
                .ends_with("Execution not found")
        );
        let cancelled = Double::new().answer(200, &state("cancelled"));
        assert_eq!(
            wait_for(&cancelled).unwrap_err().to_string(),
            "the execution was cancelled"
        );
    }

    #[test]
    fn only_a_uuid_or_a_number_is_an_execution_id() {
        for bad in [
            json!("../../x"),
            json!(-1),
            json!(1.5),
            json!(null),
            json!(""),
        ] {
            let started: Result<Started, _> =
                serde_json::from_value(json!({ "execution_id": bad }));
            assert!(started.is_err(), "{bad} passed");
        }
    }
}
