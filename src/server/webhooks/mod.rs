//! `/webhooks/{forge}`: what GitHub and GitLab deliver of the branches of protocols.
//!
//! Always so: these routes ask for a token of their own, in the forge's way; nothing is read of a delivery that does not have
//! it, and one that is about no protocol leaves nothing behind.

mod find;
mod github;
mod gitlab;
mod options;
mod payload;
mod proof;

use std::path::PathBuf;

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use millwright_core::protocol::{Forge, Hook, sha256};
use millwright_step::workspace::tip_of_branch;
use serde::Serialize;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::branches::in_git;
use super::error::{ApiError, ErrorBody};
use super::state::AppState;
use crate::store::StoreError;
use crate::store::protocols::TakenHook;
use find::{Found, protocol_of};
pub use options::WebhookOptions;

/// The largest delivery that is read.
const BODY_LIMIT: usize = 4 * 1024 * 1024;
/// A delivery's id is no longer.
const LONGEST_ID: usize = 200;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(take_github))
        .routes(routes!(take_gitlab))
}

/// What became of a delivery.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Taken {
    /// `taken`; `repeated` where it was told before; `ignored` where it is about no protocol.
    status: &'static str,
    /// The protocol run whose branch it is about.
    protocol_run_id: Option<i64>,
}

type Answer = Result<(StatusCode, Json<Taken>), ApiError>;

/// Takes a delivery of GitHub: `X-Hub-Signature-256` is its HMAC by `TASKSGODZILLA_WEBHOOK_TOKEN`.
#[utoipa::path(post, path = "/webhooks/github", tag = "webhooks", request_body = Value, security(()), responses(
    (status = 202, body = Taken),
    (status = 400, body = ErrorBody),
    (status = 401, body = ErrorBody),
    (status = 413, body = ErrorBody),
    (status = 503, description = "The server has no token for webhooks", body = ErrorBody),
))]
async fn take_github(State(app): State<AppState>, headers: HeaderMap, body: Body) -> Answer {
    let token = app.webhooks.token()?;
    let body = whole(body).await?;
    if !proof::is_signed(token, &body, text(&headers, "x-hub-signature-256")) {
        return Err(ApiError::unauthorized());
    }
    let hook = github::read(text(&headers, "x-github-event"), &json(&body)?);
    let id = delivery(&headers, "x-github-delivery", &body);
    take(&app, hook, id).await
}

/// Takes a delivery of GitLab: `X-Gitlab-Token` is `TASKSGODZILLA_WEBHOOK_TOKEN`.
#[utoipa::path(post, path = "/webhooks/gitlab", tag = "webhooks", request_body = Value, security(()), responses(
    (status = 202, body = Taken),
    (status = 400, body = ErrorBody),
    (status = 401, body = ErrorBody),
    (status = 413, body = ErrorBody),
    (status = 503, description = "The server has no token for webhooks", body = ErrorBody),
))]
async fn take_gitlab(State(app): State<AppState>, headers: HeaderMap, body: Body) -> Answer {
    let token = app.webhooks.token()?;
    if !proof::is_token(token, text(&headers, "x-gitlab-token")) {
        return Err(ApiError::unauthorized());
    }
    let body = whole(body).await?;
    let hook = gitlab::read(text(&headers, "x-gitlab-event"), &json(&body)?);
    // `X-Gitlab-Event-UUID` may be that of several deliveries.
    let id = delivery(&headers, "idempotency-key", &body);
    take(&app, hook, id).await
}

async fn take(app: &AppState, hook: Option<Hook>, delivery: String) -> Answer {
    let Some(hook) = hook else {
        return Ok(answer("ignored", None));
    };
    let Some((hook, found)) = protocol_of(app, hook).await? else {
        return Ok(answer("ignored", None));
    };
    let Found {
        protocol,
        branch,
        checkout,
    } = found;
    let (forge, sha, of) = (hook.forge, hook.sha.clone(), branch.clone());
    let protocols = app.work.protocols();
    let taken = protocols.write(move |tables| tables.take_hook(protocol, &of, &hook, &delivery));
    let TakenHook { is_new, waiting } = taken.await?;
    if app.webhooks.auto_qa && !waiting.is_empty() && is_newest(checkout, branch, sha).await? {
        check(app, waiting, forge).await?;
    }
    let status = if is_new { "taken" } else { "repeated" };
    Ok(answer(status, Some(protocol)))
}

/// Begins the checks of steps. One that may not begin is left; what is wrong with the server is told to the forge, which
/// can deliver again.
async fn check(app: &AppState, steps: Vec<i64>, forge: Forge) -> Result<(), ApiError> {
    for step in steps {
        match app.work.check_after_ci(step, forge).await {
            Ok(_) => {}
            Err(error @ (StoreError::Conflict(_) | StoreError::NotFound(_))) => {
                tracing::info!(step, %error, "the step is not checked after its CI has passed");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Whether a commit is the newest of its branch, as far as a checkout on this machine says.
async fn is_newest(
    checkout: Option<PathBuf>,
    branch: String,
    sha: Option<String>,
) -> Result<bool, ApiError> {
    let Some(folder) = checkout else {
        return Ok(true);
    };
    let tip = in_git(move || tip_of_branch(&folder, &branch)).await;
    let tip = tip.map_err(ApiError::conflict)?;
    Ok(tip.is_none() || tip == sha)
}

fn answer(status: &'static str, protocol_run_id: Option<i64>) -> (StatusCode, Json<Taken>) {
    let taken = Taken {
        status,
        protocol_run_id,
    };
    (StatusCode::ACCEPTED, Json(taken))
}

async fn whole(body: Body) -> Result<Bytes, ApiError> {
    to_bytes(body, BODY_LIMIT).await.map_err(|_| {
        ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the delivery is too large, or broke off",
        )
    })
}

fn json(body: &Bytes) -> Result<Value, ApiError> {
    serde_json::from_slice(body).map_err(|_| {
        ApiError::new(
            StatusCode::BAD_REQUEST,
            "the delivery is no JSON: let the webhook send application/json",
        )
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name);
    value.and_then(|value| value.to_str().ok()).unwrap_or("")
}

/// The id under which a delivery is delivered again; without one, what it says.
fn delivery(headers: &HeaderMap, name: &str, body: &Bytes) -> String {
    match text(headers, name) {
        id if (1..=LONGEST_ID).contains(&id.len()) => id.to_owned(),
        _ => sha256(body),
    }
}
