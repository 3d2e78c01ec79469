//! The list of routes.
//!
//! Always so: every route except `/health` asks for the token, those of webhooks for one of their own, those by which people answer a flow for a
//! signature, and `OpenAPI` shows every route that is listed here.

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::{Router, middleware};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::require_access;
use super::error::ApiError;
use super::state::AppState;
use super::{
    artifacts, audit, branches, clarifications, codemachine, dist, events, executions, health,
    logs, metrics, observe, openapi, policies, projects, protocols, pull_requests, runs, setup,
    specs, steps, webhooks,
};

/// The largest body that is read: a result or parameters, not a content.
const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// The whole service.
pub fn router(app: &AppState) -> Router {
    let (guarded, _) = routes();
    let guard = middleware::from_fn_with_state(app.clone(), require_access);
    let (open, _) = open_routes().split_for_parts();
    guarded
        .merge(app.mill.clone().with_state(()))
        .route_layer(guard)
        .merge(open)
        .fallback(async || ApiError::not_found("Not Found"))
        .method_not_allowed_fallback(async || {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
        })
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(CatchPanicLayer::custom(observe::panicked))
        .layer(middleware::from_fn(observe::observe))
        .with_state(app.clone())
}

/// The routes behind the guard, and the description of all.
pub(super) fn routes() -> (Router<AppState>, OpenApi) {
    let (router, mut description) = OpenApiRouter::with_openapi(openapi::base())
        .merge(runs::routes())
        .merge(artifacts::routes())
        .merge(projects::routes())
        .merge(branches::routes())
        .merge(protocols::routes())
        .merge(pull_requests::routes())
        .merge(policies::routes())
        .merge(setup::routes())
        .merge(clarifications::routes())
        .merge(codemachine::routes())
        .merge(events::routes())
        .merge(specs::routes())
        .merge(audit::routes())
        .merge(steps::routes())
        .merge(executions::routes())
        .merge(logs::routes())
        .merge(dist::routes())
        .routes(routes!(metrics::show_metrics))
        .routes(routes!(openapi::show_openapi))
        .split_for_parts();
    description.merge(open_routes().into_openapi());
    (router, description)
}

fn open_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(health::show_health))
        .merge(webhooks::routes())
}
