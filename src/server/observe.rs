//! What surrounds every request: its id, its span, its figures, and the net under a panic.
//!
//! Always so: every answer carries `x-request-id`, the caller's own where it is a plain word.

use std::any::Any;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;
use uuid::Uuid;

use super::error::ApiError;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// A request's id; handlers take it with `Extension(id): Extension<RequestId>`.
#[derive(Debug, Clone)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    fn of(request: &Request) -> Self {
        let sent = request.headers().get(HEADER);
        let plain = |value: &&HeaderValue| {
            let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._:-".contains(byte);
            (1..=128).contains(&value.len()) && value.as_bytes().iter().all(allowed)
        };
        Self(sent.filter(plain).cloned().unwrap_or_else(Self::fresh))
    }

    /// A new one: this process's own random half, and a count.
    fn fresh() -> HeaderValue {
        static PROCESS: LazyLock<u64> = LazyLock::new(|| Uuid::new_v4().as_u64_pair().0);
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let id = Uuid::from_u64_pair(*PROCESS, COUNT.fetch_add(1, Ordering::Relaxed));
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        let text = id.hyphenated().encode_lower(&mut text);
        HeaderValue::from_str(text).expect("hex digits and hyphens are a header's value")
    }
}

/// Gives the request its id and span, and counts it.
pub(super) async fn observe(mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = RequestId::of(&request);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let span =
        tracing::info_span!("request", id = id.as_str(), %method, path = request.uri().path());
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).instrument(span.clone()).await;
    span.in_scope(
        || tracing::info!(status = response.status().as_u16(), took = ?began.elapsed(), "answered"),
    );
    count(&method, route.as_ref(), &response, began);
    response.headers_mut().insert(HEADER, id.0);
    response
}

fn count(method: &Method, route: Option<&MatchedPath>, response: &Response, began: Instant) {
    let route = route.map_or_else(|| "unknown".to_owned(), |route| route.as_str().to_owned());
    let labels = [
        ("method", method.to_string()),
        ("route", route),
        ("status", response.status().as_str().to_owned()),
    ];
    metrics::counter!("millwright_http_requests_total", &labels).increment(1);
    metrics::histogram!("millwright_http_request_seconds", &labels[..2]).record(began.elapsed());
}

/// The answer to a request whose handler panicked.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the layer hands the panic over"
)]
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no text");
    ApiError::Internal(format!("a handler panicked: {text}")).into_response()
}
