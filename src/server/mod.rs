//! The refs API: routes, log sources, and, for `up`, the mill.
//!
//! Always so: a handler's file reads parameters, answer, `#[utoipa::path]`, handler; an error is an [`ApiError`].

mod artifacts;
mod audit;
mod auth;
mod branches;
mod clarifications;
mod codemachine;
mod dist;
mod error;
mod events;
mod executions;
mod extract;
mod health;
mod jobs;
mod logs;
mod metrics;
mod observe;
mod openapi;
mod policies;
mod projects;
mod protocols;
mod pull_requests;
mod reconcile;
mod router;
mod runs;
mod serve;
mod settle;
mod setup;
mod specs;
mod sse;
mod state;
mod steps;
mod webhooks;
mod work;

pub use auth::{Access, OpenToAll};
pub use error::{ApiError, ErrorBody, InvalidBody, Issue};
pub use extract::{JsonBody, OptionalJsonBody, PathParams, QueryParams};
pub use logs::{JobLogReader, LogText, Unreadable};
pub use observe::RequestId;
pub use openapi::document;
pub use router::router;
pub use serve::serve;
pub use state::{App, AppState, BadOptions, ServerOptions};
pub use webhooks::WebhookOptions;
pub use work::{Work, WorkOptions};
