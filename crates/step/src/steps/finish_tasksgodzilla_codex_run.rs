//! `finish_tasksgodzilla_codex_run`: closes a run. Every flow's failure handler.
//!
//! Always so: it never hides the error that it reports, because a failed flow's result is its handler's.

use std::time::Duration;

use millwright_core::catalog::scripts::finish_tasksgodzilla_codex_run::{Args, Output};
use millwright_core::refs::{FinishRun, RunId, RunIdError};

use super::StepError;
use crate::client::Client;
use crate::host::Host;

/// The call with its repetitions.
const LIMIT: Duration = Duration::from_secs(10);

/// Closes the run, best effort.
///
/// # Errors
/// When the status is not a final one.
pub(super) async fn run(args: Args, host: &impl Host) -> Result<Output, StepError> {
    if !args.status.is_final() {
        let problem = format!(
            "a run is not closed as {:?}: use succeeded, failed or cancelled",
            args.status.as_str()
        );
        return Err(StepError::bad_argument("status", problem));
    }
    let message = close(&args, host).await.err();
    if let Some(message) = &message {
        host.log(&format!("warning: no run is closed: {message}"));
    }
    Ok(Output {
        run_id: args.run_id,
        status: args.status,
        closed: message.is_none(),
        message,
        error: args.error,
    })
}

async fn close(args: &Args, host: &impl Host) -> Result<(), String> {
    let given = args.run_id.as_deref().filter(|text| !text.is_empty());
    let run: RunId = given
        .ok_or("no run was registered")?
        .parse()
        .map_err(|error: RunIdError| format!("run_id: {error}"))?;
    let finish = FinishRun {
        status: args.status,
        result: args.result.clone(),
        error: args.error.clone(),
        cost_tokens: None,
        cost_cents: None,
    };
    let client = Client::refs(host)
        .map_err(|error| error.to_string())?
        .within(LIMIT);
    client
        .finish_run(&run, &finish)
        .await
        .map_err(|error| error.to_string())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::host::double::Double;
    use crate::host::{SendError, block_on};

    fn finish(host: &Double, run_id: &str) -> Result<Output, StepError> {
        let args = json!({"run_id": run_id, "error": {"message": "it broke"}});
        block_on(run(serde_json::from_value(args).unwrap(), host))
    }

    #[test]
    fn the_error_stays_in_sight_whether_the_api_takes_it_or_not() {
        let ended = json!({"run_id": "a", "job_type": "x", "status": "failed", "created_at": "", "updated_at": ""});
        let host = Double::new().answer(200, &ended);
        assert!(finish(&host, "a").unwrap().closed);
        assert_eq!(
            host.calls(),
            [r#"POST /codex/runs/a/finish {"status":"failed","error":{"message":"it broke"}}"#]
        );

        let down = Double::new().fail(SendError::TimedOut(LIMIT));
        let output = finish(&down, "a").unwrap();
        assert_eq!(
            (output.closed, output.error),
            (false, Some(json!({"message": "it broke"})))
        );
        assert!(output.message.unwrap().contains("no answer"));
    }

    #[test]
    fn without_a_run_nothing_is_asked() {
        let host = Double::new();
        assert_eq!(
            finish(&host, "").unwrap().message.as_deref(),
            Some("no run was registered")
        );
        assert!(host.calls().is_empty());
    }

    #[test]
    fn a_run_id_that_is_none_is_warned_of_and_the_error_stays_in_sight() {
        let host = Double::new();
        let output = finish(&host, "../x").unwrap();
        assert!(host.calls().is_empty());
        assert_eq!(
            (output.closed, output.run_id.as_deref(), output.error),
            (false, Some("../x"), Some(json!({"message": "it broke"})))
        );
        let message = output.message.unwrap();
        assert!(message.starts_with("run_id: "), "{message}");
        assert_eq!(
            host.lines(),
            [format!("warning: no run is closed: {message}")]
        );
    }
}
