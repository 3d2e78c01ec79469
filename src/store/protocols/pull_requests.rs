//! A protocol's pull request.
//!
//! Always so: an attempt that failed is an event, and leaves what is known of an earlier one.

use millwright_core::protocol::{ProtocolRun, PullRequestReport, pull_request_reported};

use super::{StoreError, Tables};

impl Tables<'_> {
    /// Keeps what became of the attempt to open a protocol's pull request.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn pull_request(
        &self,
        id: i64,
        report: &PullRequestReport,
    ) -> Result<ProtocolRun, StoreError> {
        let seen = self.see(id)?;
        let decision = pull_request_reported(&seen.snapshot, report);
        self.apply(&seen, &decision, None)?;
        self.connection
            .prepare_cached(
                "UPDATE protocol_runs SET pr_url = coalesce(?2, pr_url), pr_number = coalesce(?3, pr_number),
                     updated_at = ?4 WHERE id = ?1",
            )?
            .execute((id, &report.url, report.number, self.now))?;
        self.protocol(id)
    }
}
