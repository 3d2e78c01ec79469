//! Which of the servers that share a database asks Windmill.
//!
//! Always so: whoever asks has renewed the lease within a third of its time.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::store::{Store, StoreError, Timestamp, leases};

const NAME: &str = "reconciliation";
/// A server that was killed is missed after so many looks.
const LOOKS: u32 = 15;

/// A server's hold of the lease.
pub(super) struct Lease {
    store: Store,
    time: Duration,
    /// Who this server is, among servers.
    holder: String,
    renewed: Option<Instant>,
}

impl Lease {
    /// A lease that is not held yet. A look is every `tick`.
    pub(super) fn new(store: Store, tick: Duration) -> Self {
        Self {
            store,
            time: tick * LOOKS,
            holder: Uuid::new_v4().to_string(),
            renewed: None,
        }
    }

    /// Takes or renews it, and says whether this server has it.
    pub(super) async fn is_held(&mut self) -> Result<bool, StoreError> {
        let is_fresh = |renewed: Instant| renewed.elapsed() < self.time / 3;
        if self.renewed.is_some_and(is_fresh) {
            return Ok(true);
        }
        let (holder, time) = (self.holder.clone(), self.time);
        let take = move |connection: &_| {
            let now = Timestamp::now();
            let time = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
            let until = Timestamp(now.0.saturating_add(time));
            leases::take(connection, NAME, &holder, now, until)
        };
        let began = Instant::now();
        let is_held = self.store.write(take).await?;
        self.renewed = is_held.then_some(began);
        Ok(is_held)
    }

    /// Gives it back, where it is held.
    pub(super) async fn release(self) {
        if self.renewed.is_none() {
            return;
        }
        let release = move |connection: &_| leases::release(connection, NAME, &self.holder);
        if let Err(error) = self.store.write(release).await {
            tracing::debug!(%error, "the lease of the reconciliation ends by itself");
        }
    }
}
