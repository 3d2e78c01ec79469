//! What the API answers when it does not do what was asked.
//!
//! Always so: the answer is `{"detail": …}`; what went wrong inside the server is logged, never told.

use std::borrow::Cow;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::store::StoreError;

/// Why a request was not served.
#[derive(Debug)]
pub enum ApiError {
    /// A status, and a sentence for its `detail`.
    Status(StatusCode, Cow<'static, str>),
    /// 422: what is wrong with the request, one entry for each place.
    Invalid(Vec<Issue>),
    /// 500: something inside failed; the text is logged alone.
    Internal(String),
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Issue {
    /// The kind of mistake, such as `missing`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Where it is: `body`, `query` or `path`, then field names and positions.
    #[schema(value_type = Vec<Value>)]
    pub loc: Vec<Value>,
    /// What is wrong, for a person.
    pub msg: String,
    /// What was sent there.
    pub input: Value,
    /// The figures that `msg` speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ctx: Option<Value>,
}

/// The body of every answer that is an error, except 422.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// What is wrong.
    pub detail: String,
}

/// The body of a 422 that names places in the request.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvalidBody {
    /// Everything that is wrong.
    pub detail: Vec<Issue>,
}

impl ApiError {
    /// Any status, with a sentence.
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Status(status, detail.into())
    }

    /// 404.
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 409.
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// 401.
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized")
    }

    /// 422 for one field of the body, for rules that types do not hold.
    pub fn invalid_field(field: &str, msg: impl Into<String>, input: impl Into<Value>) -> Self {
        Self::Invalid(vec![Issue {
            kind: "value_error",
            loc: vec!["body".into(), field.into()],
            msg: msg.into(),
            input: input.into(),
            ctx: None,
        }])
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Status(status, _) => *status,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = match self {
            Self::Status(_, detail) => detail_response(status, detail.into_owned()),
            Self::Invalid(detail) => (status, Json(InvalidBody { detail })).into_response(),
            Self::Internal(reason) => {
                tracing::error!(%reason, "the request failed inside the server");
                detail_response(status, "Internal Server Error".to_owned())
            }
        };
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

fn detail_response(status: StatusCode, detail: String) -> Response {
    (status, Json(ErrorBody { detail })).into_response()
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let status = match &error {
            StoreError::NotFound(_) | StoreError::OfAnother(..) => StatusCode::NOT_FOUND,
            StoreError::Missing(_) => StatusCode::UNPROCESSABLE_ENTITY,
            StoreError::Conflict(_) => StatusCode::CONFLICT,
            StoreError::Locked | StoreError::Overloaded | StoreError::Closed => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            StoreError::Full => StatusCode::INSUFFICIENT_STORAGE,
            _ => return Self::Internal(error.to_string()),
        };
        Self::new(status, error.to_string())
    }
}
