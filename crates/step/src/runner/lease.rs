//! Keeps a claim alive while work goes on.
//!
//! Always so: when the claim is refused the work is stopped, since its report would be refused too.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use millwright_core::protocol::Claim;

use super::port::{OutcomePort, PortError};
use crate::engine::Cancel;

/// Does `work` while the claim is renewed, three times as often as it must be.
pub(super) fn held<T>(
    claim: &Claim,
    port: &(dyn OutcomePort + Sync),
    cancel: &Cancel,
    work: impl FnOnce() -> T,
) -> T {
    let pause = Duration::from_secs(claim.lease_seconds.max(1)) / 3;
    let (done, wait) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            while wait.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                if let Err(PortError::Refused(_)) = port.renew(claim.step_run_id, &claim.claim) {
                    cancel.cancel();
                    return;
                }
            }
        });
        let outcome = work();
        drop(done);
        outcome
    })
}
