//! `GET /health`.
//!
//! Always so: it needs no token, and touches nothing that can be slow.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`.
    status: &'static str,
}

/// Whether the server answers.
#[utoipa::path(get, path = "/health", tag = "server", security(()), responses(
    (status = 200, body = Health),
))]
pub(super) async fn show_health() -> Json<Health> {
    Json(Health { status: "ok" })
}
