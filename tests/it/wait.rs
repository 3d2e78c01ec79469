//! Waiting for what another process does.
//!
//! Always so: a wait has an end, and says for what it waited in vain.

use std::time::Duration;

use crate::suite::Patience;

/// Far beyond what anything here takes, even on a machine that is busy with other work.
const PATIENCE: Patience = Patience {
    whole: Duration::from_mins(1),
    pause: Duration::from_millis(5),
};

/// Looks again and again until there is something to see.
pub(crate) async fn until<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    PATIENCE.until(what, look).await
}
