//! Sending a request again when that is safe.
//!
//! Always so: what must not happen twice is sent again only when it surely did not happen, and all pauses together stay under two seconds.

use std::time::Duration;

use super::{Client, ClientError, error::Problem};
use crate::host::{Host, Request, Response, SendError};

/// How often a request is sent at most.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What a second sending would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Safety {
    /// Nothing more than the first.
    Repeatable,
    /// It would happen again.
    Once,
}

/// Sends until there is an answer worth having, the attempts are used up, or the time is over.
pub(super) async fn send<H: Host>(
    client: &Client<'_, H>,
    request: &Request,
    path: &str,
    safety: Safety,
    limit: Duration,
) -> Result<Response, ClientError> {
    let mut attempt = 1;
    loop {
        let limit = client.left().map_or(limit, |left| left.min(limit));
        let outcome = client.host.send(request, limit).await;
        let pause = pause(attempt, client.host.now());
        let time_left = client.left().is_none_or(|left| left > pause);
        if attempt == ATTEMPTS || !time_left || !worth_repeating(&outcome, safety) {
            return outcome
                .map_err(|reason| client.error(request.method, path, Problem::Send(reason)));
        }
        client.host.sleep(pause).await;
        attempt += 1;
    }
}

impl<H: Host> Client<'_, H> {
    /// The time left; at least a millisecond, since a limit of nothing would mean none.
    fn left(&self) -> Option<Duration> {
        let left = self.until?.saturating_sub(self.host.now());
        Some(left.max(Duration::from_millis(1)))
    }
}

fn worth_repeating(outcome: &Result<Response, SendError>, safety: Safety) -> bool {
    match outcome {
        Err(SendError::NotConnected(_)) => true,
        Err(SendError::ConnectionLost(_)) => safety == Safety::Repeatable,
        // One that was slow is likely to be slow again: the caller's time is better spent otherwise.
        Err(SendError::TimedOut(_) | SendError::Refused(_)) => false,
        Ok(answer) => match answer.status {
            429 | 503 => true,
            502 | 504 => safety == Safety::Repeatable,
            _ => false,
        },
    }
}

/// Each pause is twice the one before, less up to half of it, so that many jobs do not come back together.
fn pause(attempt: u32, now: Duration) -> Duration {
    let whole = FIRST_PAUSE * 2u32.pow(attempt - 1);
    let share = f64::from(now.subsec_micros() % 1000) / 1000.0;
    whole.mul_f64(1.0 - share / 2.0)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::host::block_on;
    use crate::host::double::Double;

    fn refused() -> SendError {
        SendError::NotConnected("connection refused".to_owned())
    }

    fn lost() -> SendError {
        SendError::ConnectionLost("reset".to_owned())
    }

    fn post(host: &Double, safety: Safety) -> Result<Value, ClientError> {
        let client = Client::refs(host).unwrap();
        block_on(client.post("/x", &json!({}), safety))
    }

    #[test]
    fn what_did_not_arrive_is_sent_again() {
        for safety in [Safety::Repeatable, Safety::Once] {
            let host = Double::new()
                .fail(refused())
                .answer(503, &json!({}))
                .answer(200, &json!(1));
            assert_eq!(post(&host, safety), Ok(json!(1)));
            assert_eq!(host.requests().len(), 3);
        }
    }

    #[test]
    fn what_may_have_been_done_is_sent_again_only_when_repeatable() {
        let host = || {
            Double::new()
                .fail(lost())
                .answer(502, &json!({}))
                .answer(200, &json!(1))
        };
        assert_eq!(post(&host(), Safety::Repeatable), Ok(json!(1)));
        let once = host();
        assert!(post(&once, Safety::Once).unwrap_err().may_be_done());
        assert_eq!(once.requests().len(), 1);
    }

    #[test]
    fn a_refusal_is_final_and_so_is_a_slow_answer() {
        for host in [
            Double::new().answer(422, &json!({"detail": "no"})),
            Double::new().fail(SendError::TimedOut(Duration::ZERO)),
        ] {
            assert!(post(&host, Safety::Repeatable).is_err());
            assert_eq!(host.requests().len(), 1);
        }
    }

    #[test]
    fn an_api_that_stays_down_is_given_up_within_two_seconds() {
        let host = (0..9).fold(Double::new(), |host, _| host.fail(refused()));
        let error = post(&host, Safety::Repeatable).unwrap_err();
        assert_eq!(
            error.to_string(),
            "POST /x: no answer from http://tasksgodzilla-api:8011: connection refused"
        );
        assert_eq!(host.requests().len(), 4);
        assert!(host.now() < Duration::from_secs(2));
    }

    #[test]
    fn an_overall_limit_holds() {
        let host = (0..9).fold(Double::new(), |host, _| host.fail(refused()));
        let client = Client::refs(&host)
            .unwrap()
            .within(Duration::from_millis(150));
        let outcome: Result<Value, _> = block_on(client.post("/x", &json!({}), Safety::Repeatable));
        assert!(outcome.is_err());
        assert!(host.now() <= Duration::from_millis(150));
    }
}
