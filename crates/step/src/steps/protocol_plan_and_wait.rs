//! `protocol_plan_and_wait`: starts a protocol's planning and waits until it is over.
//!
//! Always so: a protocol that is already being planned, or past that, is only waited for.

use std::time::Duration;

use millwright_core::catalog::scripts::protocol_plan_and_wait::{Args, Output};
use millwright_core::catalog::{Object, Script};
use millwright_core::protocol::{ProtocolRun, ProtocolStatus};

use super::StepError;
use super::registration::{Belongs, params, registered};
use crate::client::{Client, ClientError};
use crate::host::Host;

/// Plans through the API.
///
/// # Errors
/// When the API refuses, when planning fails or is cancelled, and when the time is up.
pub(super) async fn run(args: Args, host: &impl Host) -> Result<Output, StepError> {
    let belongs = Belongs::protocol(args.protocol_run_id);
    let given = params([
        ("protocol_run_id", args.protocol_run_id.into()),
        ("timeout_seconds", args.timeout_seconds.into()),
        ("poll_interval_ms", args.poll_interval_ms.into()),
    ]);
    registered(host, Args::NAME, belongs, given, plan(&args, host)).await
}

/// The same, without a run of its own.
pub(super) async fn plan(args: &Args, host: &impl Host) -> Result<Output, StepError> {
    let limit = Duration::from_secs(args.timeout_seconds.max(1).unsigned_abs());
    let pause = Duration::from_millis(args.poll_interval_ms.max(50).unsigned_abs());
    let until = host.now() + limit;
    let client = Client::protocols(host)?.within(limit);
    let mut protocol = start(&client, args.protocol_run_id).await?;
    loop {
        if !matches!(
            protocol.status,
            ProtocolStatus::Pending | ProtocolStatus::Planning
        ) {
            host.log(&format!(
                "{} is {}",
                protocol.protocol_name, protocol.status
            ));
            return settled(protocol);
        }
        if host.now() + pause >= until {
            return Err(too_late(&protocol, limit));
        }
        host.sleep(pause).await;
        protocol = look_again(&client, host, protocol).await?;
    }
}

/// Starts planning. A refusal, and an answer that was lost, are settled by a look: planning may have begun already.
async fn start<H: Host>(client: &Client<'_, H>, id: i64) -> Result<ProtocolRun, StepError> {
    let refusal = match client.start_protocol(id).await {
        Ok(protocol) => return Ok(protocol),
        Err(error) if matches!(error.status(), Some(400 | 409)) || error.may_be_done() => error,
        Err(error) => return Err(error.into()),
    };
    let protocol = client.protocol(id).await?;
    if protocol.status == ProtocolStatus::Pending {
        Err(refusal.into())
    } else {
        Ok(protocol)
    }
}

/// The protocol as it is now; as it was when the API is away for a moment.
async fn look_again<H: Host>(
    client: &Client<'_, H>,
    host: &H,
    before: ProtocolRun,
) -> Result<ProtocolRun, ClientError> {
    match client.protocol(before.id).await {
        Err(error) if error.is_passing() => {
            host.log(&format!("warning: {error}; looking again"));
            Ok(before)
        }
        outcome => outcome,
    }
}

fn settled(protocol: ProtocolRun) -> Result<Output, StepError> {
    let status = protocol.status;
    if !matches!(status, ProtocolStatus::Failed | ProtocolStatus::Cancelled) {
        return Ok(Output { protocol, status });
    }
    let message = format!(
        "planning of protocol run {} ended: it is {status}",
        protocol.id
    );
    Err(StepError::Failed {
        message,
        details: details(&protocol),
    })
}

fn too_late(protocol: &ProtocolRun, limit: Duration) -> StepError {
    let message = format!(
        "protocol run {} is still {} after {} s; give it more with timeout_seconds",
        protocol.id,
        protocol.status,
        limit.as_secs()
    );
    StepError::TimedOut {
        message,
        details: details(protocol),
    }
}

fn details(protocol: &ProtocolRun) -> Object {
    let value = serde_json::to_value(protocol).expect("a protocol has text keys");
    Object::from_iter([
        ("protocol".to_owned(), value),
        ("status".to_owned(), protocol.status.as_str().into()),
    ])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::host::double::Double;
    use crate::host::{SendError, block_on};

    fn protocol(status: &str) -> Value {
        let time = "2026-11-21 10:16:33";
        json!({
            "id": 7, "project_id": 1, "protocol_name": "demo", "status": status, "base_branch": "main",
            "created_at": time, "updated_at": time,
        })
    }

    fn plan(host: &Double) -> Result<Output, StepError> {
        let args = json!({"protocol_run_id": 7, "timeout_seconds": 2, "poll_interval_ms": 1});
        block_on(run(serde_json::from_value(args).unwrap(), host))
    }

    #[test]
    fn it_looks_until_planning_is_over() {
        let host = Double::new()
            .answer(200, &protocol("planning"))
            .answer(200, &protocol("planning"))
            .answer(200, &protocol("planned"));
        let output = plan(&host).unwrap();
        assert_eq!(
            (output.status, output.protocol.id),
            (ProtocolStatus::Planned, 7)
        );
        assert_eq!(
            host.calls(),
            [
                "POST /protocols/7/actions/start {}",
                "GET /protocols/7",
                "GET /protocols/7"
            ]
        );
        assert_eq!(
            host.now(),
            Duration::from_millis(100),
            "the pause is at least 50 ms"
        );
    }

    #[test]
    fn one_that_is_past_planning_is_taken_as_it_is() {
        let refused = json!({"detail": "Protocol already running or terminal"});
        let host = Double::new()
            .answer(409, &refused)
            .answer(200, &protocol("running"));
        assert_eq!(plan(&host).unwrap().status, ProtocolStatus::Running);
        let host = Double::new()
            .answer(409, &refused)
            .answer(200, &protocol("pending"));
        assert!(
            plan(&host)
                .unwrap_err()
                .to_string()
                .contains("already running")
        );
    }

    #[test]
    fn a_lost_answer_is_looked_after() {
        let lost = SendError::ConnectionLost("reset".to_owned());
        let host = Double::new()
            .fail(lost)
            .answer(200, &protocol("planning"))
            .answer(200, &protocol("planned"));
        assert_eq!(plan(&host).unwrap().status, ProtocolStatus::Planned);
        assert_eq!(
            host.calls()
                .iter()
                .filter(|call| call.contains("start"))
                .count(),
            1
        );
    }

    #[test]
    fn failed_planning_fails_the_step_with_the_protocol() {
        let error = plan(&Double::new().answer(200, &protocol("failed"))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "planning of protocol run 7 ended: it is failed"
        );
        assert_eq!(error.to_json()["protocol"]["protocol_name"], "demo");
    }

    #[test]
    fn the_time_is_kept_and_the_last_state_told() {
        let host = (0..60).fold(Double::new(), |host, _| {
            host.answer(200, &protocol("planning"))
        });
        let error = plan(&host).unwrap_err();
        assert!(matches!(error, StepError::TimedOut { .. }));
        assert_eq!(error.to_json()["protocol"]["status"], "planning");
        assert!(host.now() <= Duration::from_secs(2));
    }

    #[test]
    fn an_api_that_is_away_for_a_moment_is_asked_again() {
        let host = Double::new()
            .answer(200, &protocol("planning"))
            .answer(500, &json!({}))
            .answer(200, &protocol("planned"));
        assert_eq!(plan(&host).unwrap().status, ProtocolStatus::Planned);
        let warnings = host
            .lines()
            .into_iter()
            .filter(|line| line.starts_with("warning"));
        assert_eq!(warnings.count(), 1);
    }
}
