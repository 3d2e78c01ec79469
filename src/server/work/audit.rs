//! The audit of specs, a page of protocol runs at a time.
//!
//! Always so: a few runs are in hand at once, and what lies on disk is read on a thread that may block, outside of any
//! transaction.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use millwright_core::protocol::{AuditCounts, AuditPage, SpecAudit};

use super::Work;
use crate::spec::{self, Derived, NotDerived};
use crate::store::StoreError;
use crate::store::protocols::{AuditScope, Look, Specless};

/// A page takes no longer, save for the runs that it ends with.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many runs are in hand at once: what they write is written as one group.
const AT_ONCE: usize = 8;

impl Work {
    /// Audits a page of protocol runs: as many as the scope says, or as time allows. With `backfill`, those without a spec get
    /// the one that can be derived.
    ///
    /// # Errors
    /// As [`Tables::runs_to_audit`](crate::store::protocols::Tables::runs_to_audit).
    pub async fn audit(&self, scope: AuditScope, backfill: bool) -> Result<AuditPage, StoreError> {
        let begun = Instant::now();
        let ids = self
            .protocols()
            .read(move |tables| tables.runs_to_audit(scope));
        let ids = ids.await?;
        let is_full = u32::try_from(ids.len()).is_ok_and(|found| found == scope.limit);
        let (mut results, mut last, mut open) = (Vec::new(), scope.after, ids.len());
        let findings = stream::iter(ids).map(async |id| (id, self.audit_one(id, backfill).await));
        let mut findings = pin!(findings.buffered(AT_ONCE));
        while let Some((id, finding)) = findings.next().await {
            match finding {
                Ok(finding) => results.push(finding),
                // It is gone since.
                Err(StoreError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
            (last, open) = (id, open - 1);
            if begun.elapsed() > PATIENCE {
                break;
            }
        }
        Ok(page(results, (open > 0 || is_full).then_some(last)))
    }

    async fn audit_one(&self, id: i64, backfill: bool) -> Result<SpecAudit, StoreError> {
        let protocols = self.protocols();
        let look = protocols.read(move |tables| tables.look_at_spec(id, None, backfill));
        let (derived, look) = match look.await? {
            Look::Derive(specless) => {
                let derived = Arc::new(derive(specless).await);
                let known = Arc::clone(&derived);
                let look = protocols
                    .read(move |tables| tables.look_at_spec(id, Some(&known), backfill))
                    .await?;
                (Some(derived), look)
            }
            found @ Look::Found(..) => (None, found),
        };
        match look {
            Look::Found(finding, changes) if !changes.any() => Ok(*finding),
            _ => {
                let audited = protocols
                    .write(move |tables| tables.audit_spec(id, derived.as_deref(), backfill));
                audited.await
            }
        }
    }
}

async fn derive(specless: Box<Specless>) -> Result<Derived, NotDerived> {
    let work = move || spec::derive(&specless.run, &specless.project, &specless.rows);
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(NotDerived::Unsound(format!(
            "the search for a spec ended: {error}"
        ))),
    }
}

fn page(results: Vec<SpecAudit>, next: Option<i64>) -> AuditPage {
    let mut counts = AuditCounts::default();
    for finding in &results {
        counts.add(finding.outcome);
    }
    AuditPage {
        message: format!("{} protocol runs were audited: {counts}.", counts.total()),
        counts,
        results,
        next,
    }
}
