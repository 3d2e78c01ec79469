//! `/specs/audit`: how protocol runs stand with their specs, and specs for those that have none.
//!
//! Always so: an answer holds one page of runs, however many there are.

use axum::Json;
use axum::extract::State;
use millwright_core::protocol::AuditPage;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ErrorBody, InvalidBody};
use super::extract::OptionalJsonBody;
use super::state::AppState;
use crate::store::protocols::AuditScope;

const LIMIT: u32 = 100;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(audit_specs))
}

/// Which protocol runs are audited, and how.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
struct AuditBody {
    /// Those of a project.
    project_id: Option<i64>,
    /// That one alone.
    protocol_id: Option<i64>,
    /// Whether runs without a spec get the one that can be derived, and whether the state beside a spec is brought up to date.
    #[serde(default)]
    backfill: bool,
    /// Those after the one with this id: the `next` of the page before.
    after: Option<i64>,
    /// At most so many; 100 when absent.
    #[schema(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// Audits specs: validates those that there are, and derives those that are missing.
///
/// A spec is derived from the entries that a run's steps keep, its CodeMachine workspace, its step files, its task list, or the
/// names of its steps. Without `backfill` nothing is written but the event `spec_audit` of what is news. A page ends after
/// `limit` runs, or ten seconds: go on with `after` until `next` is null.
#[utoipa::path(post, path = "/specs/audit", tag = "protocols", request_body = AuditBody, responses(
    (status = 200, body = AuditPage),
    (status = 404, description = "There is no such project or protocol run", body = ErrorBody),
    (status = 422, body = InvalidBody),
))]
async fn audit_specs(
    State(app): State<AppState>,
    OptionalJsonBody(body): OptionalJsonBody<AuditBody>,
) -> Result<Json<AuditPage>, ApiError> {
    let scope = AuditScope {
        project_id: body.project_id,
        protocol_run_id: body.protocol_id,
        after: body.after.unwrap_or_default(),
        limit: body.limit.unwrap_or(LIMIT),
    };
    Ok(Json(app.work.audit(scope, body.backfill).await?))
}
