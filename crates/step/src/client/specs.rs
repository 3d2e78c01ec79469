//! The audit of specs, as the API does it.
//!
//! Always so: a page that was asked for again, since its answer was lost, changes nothing more.

use millwright_core::protocol::AuditPage;
use serde_json::json;

use super::{Client, ClientError, Safety};
use crate::host::Host;

/// Which protocol runs are audited, and how.
#[derive(Debug, Clone, Copy, Default)]
pub struct AuditRequest {
    /// Those of a project.
    pub project_id: Option<i64>,
    /// That one alone.
    pub protocol_run_id: Option<i64>,
    /// Whether runs without a spec get the one that can be derived.
    pub backfill: bool,
    /// Those after the one with this id.
    pub after: Option<i64>,
}

impl<H: Host> Client<'_, H> {
    /// Audits one page of protocol runs.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn audit_specs(&self, of: AuditRequest) -> Result<AuditPage, ClientError> {
        let body = json!({
            "project_id": of.project_id, "protocol_id": of.protocol_run_id, "backfill": of.backfill, "after": of.after,
        });
        self.post("/specs/audit", &body, Safety::Repeatable).await
    }
}
