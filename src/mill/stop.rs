//! The wish that a job ends before its time, from whoever has it to every process of the job.
//!
//! Always so: what stops a job stops all that it started; the first cause that was given is the one that counts.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::store::jobs::Cancellation;

/// Why a job is to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    /// Someone wished it.
    Canceled(Cancellation),
    /// Its time is over.
    TimedOut,
    /// The mill cannot go on, a full disk for one.
    Broken,
}

/// A job's ear for it.
#[derive(Debug)]
pub(super) struct Stop {
    token: CancellationToken,
    /// Cancelled when there is no more time to end in good order.
    hurry: CancellationToken,
    cause: OnceLock<Cause>,
    parent: Option<Arc<Self>>,
}

impl Stop {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            token: CancellationToken::new(),
            hurry: CancellationToken::new(),
            cause: OnceLock::new(),
            parent: None,
        })
    }

    /// For a job that is part of this one.
    pub(super) fn child(self: &Arc<Self>) -> Arc<Self> {
        Arc::new(Self {
            token: self.token.child_token(),
            hurry: self.hurry.child_token(),
            cause: OnceLock::new(),
            parent: Some(Arc::clone(self)),
        })
    }

    pub(super) fn stop(&self, cause: Cause) {
        drop(self.cause.set(cause));
        self.token.cancel();
    }

    /// Why the job is to end, where it is.
    pub(super) fn cause(&self) -> Option<&Cause> {
        let parents = || self.parent.as_ref().and_then(|parent| parent.cause());
        self.cause.get().or_else(parents)
    }

    /// That of the outermost job.
    pub(super) fn outermost(self: &Arc<Self>) -> &Arc<Self> {
        match &self.parent {
            Some(parent) => parent.outermost(),
            None => self,
        }
    }

    /// Whether this is the other, or is for a part of its job.
    pub(super) fn is_within(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        Arc::ptr_eq(self, other)
            || self
                .parent
                .as_ref()
                .is_some_and(|parent| parent.is_within(other))
    }

    /// Leaves the job no more time to end in good order, once it is to end.
    pub(super) fn hurry(&self) {
        self.hurry.cancel();
    }

    pub(super) fn is_hurried(&self) -> bool {
        self.hurry.is_cancelled()
    }

    /// Waits until a time is over, or there is no more time.
    pub(super) async fn hurried_or_after(&self, time: Duration) {
        drop(tokio::time::timeout(time, self.hurry.cancelled()).await);
    }

    /// Waits until the job is to end.
    pub(super) async fn wished(&self) {
        self.token.cancelled().await;
    }
}
