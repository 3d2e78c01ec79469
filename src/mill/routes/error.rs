//! What goes wrong on a route, as a Windmill server says it: plain text.
//!
//! Always so: the text begins with the kind of error, such as `Not found: `.

use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use millwright_core::refs::JobId;
use uuid::Uuid;

use crate::store::StoreError;

/// An answer that is no success.
#[derive(Debug)]
pub(super) struct RouteError {
    status: StatusCode,
    text: String,
}

/// The job of `/api/w/{workspace}/…/{id}`.
#[derive(Debug, Clone, Copy)]
pub(super) struct JobPath(pub(super) JobId);

impl RouteError {
    pub(super) fn not_found(what: impl std::fmt::Display) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            text: format!("Not found: {what}"),
        }
    }

    pub(super) fn bad_request(why: impl std::fmt::Display) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            text: format!("Bad request: {why}"),
        }
    }

    pub(super) fn internal(what: impl std::fmt::Display) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            text: format!("Internal: {what}"),
        }
    }

    /// A [`StoreError::NotFound`] is answered with `Not found: {what}`.
    pub(super) fn or_not_found(error: StoreError, what: impl std::fmt::Display) -> Self {
        match error {
            StoreError::NotFound(_) => Self::not_found(what),
            other => other.into(),
        }
    }
}

impl From<StoreError> for RouteError {
    fn from(error: StoreError) -> Self {
        let status = match &error {
            StoreError::NotFound(_) => StatusCode::NOT_FOUND,
            StoreError::Locked | StoreError::Closed => StatusCode::SERVICE_UNAVAILABLE,
            StoreError::Full => StatusCode::INSUFFICIENT_STORAGE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self {
            status,
            text: format!("Internal: {error}"),
        }
    }
}

impl IntoResponse for RouteError {
    fn into_response(self) -> Response {
        (self.status, [(CONTENT_TYPE, "text/plain")], self.text).into_response()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for JobPath {
    type Rejection = RouteError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, RouteError> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((_, id)) = path.map_err(RouteError::bad_request)?;
        match Uuid::parse_str(&id) {
            Ok(id) => Ok(Self(JobId(id))),
            Err(error) => Err(RouteError {
                status: StatusCode::BAD_REQUEST,
                text: format!("Invalid URL: UUID parsing failed: {error}"),
            }),
        }
    }
}
