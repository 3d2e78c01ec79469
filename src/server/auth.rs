//! Who may call the API.
//!
//! Always so: the token is compared in constant time, and is never printed; only an answer that brings a signature needs
//! none. Without a token only this machine is
//! served, and no web page that a browser on it shows.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use subtle::ConstantTimeEq;

use super::error::ApiError;
use super::state::AppState;
use crate::mill;

/// The rule by which callers are let in.
pub struct Access {
    token: Option<String>,
}

/// A listen address that would let in the whole network without a token.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} can be reached from other machines: set TASKSGODZILLA_API_TOKEN, or listen on 127.0.0.1"
)]
pub struct OpenToAll(SocketAddr);

impl Access {
    /// Callers bring this token; an empty one counts as none.
    pub fn new(token: Option<String>) -> Self {
        Self {
            token: token.filter(|token| !token.is_empty()),
        }
    }

    /// Whether callers need a token.
    pub fn needs_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether it is safe to listen there.
    ///
    /// # Errors
    /// [`OpenToAll`] where there is no token and the address is not a loopback one.
    pub fn check_address(&self, address: SocketAddr) -> Result<(), OpenToAll> {
        if self.needs_token() || address.ip().is_loopback() {
            Ok(())
        } else {
            Err(OpenToAll(address))
        }
    }

    fn admits(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
        match &self.token {
            Some(token) if brings(headers, token) => Ok(()),
            Some(_) => Err(ApiError::unauthorized()),
            None if is_local(uri, headers) => Ok(()),
            None => Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "without TASKSGODZILLA_API_TOKEN only this machine is served, under its loopback name",
            )),
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("needs_token", &self.needs_token())
            .finish()
    }
}

/// Lets a request pass, or answers it.
pub(super) async fn require_access(
    State(app): State<AppState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    // An answer to a flow that waits brings its own proof, which the mill looks at.
    if !mill::is_signed(request.uri().path()) {
        app.access.admits(request.uri(), request.headers())?;
    }
    Ok(next.run(request).await)
}

fn brings(headers: &HeaderMap, token: &str) -> bool {
    let sent = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().split_first_chunk::<7>())
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "))
        .map_or(&b""[..], |(_, token)| token);
    sent.ct_eq(token.as_bytes()).into()
}

/// A page of another site reaches a loopback port through the reader's browser; its `Host`, after DNS rebinding, or its
/// `Origin` tell.
fn is_local(uri: &Uri, headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let host = uri
        .authority()
        .map(Authority::as_str)
        .or(text(header::HOST));
    let origin = text(header::ORIGIN).map(|origin| origin.split("://").nth(1).unwrap_or(origin));
    host.is_none_or(names_this_machine) && origin.is_none_or(names_this_machine)
}

fn names_this_machine(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<Authority>() else {
        return false;
    };
    let host = authority.host().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn admitted(token: Option<&str>, headers: &[(HeaderName, &str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect();
        let access = Access::new(token.map(str::to_owned));
        access.admits(&Uri::from_static("/x"), &headers).is_ok()
    }

    #[test]
    fn the_token_alone_lets_in() {
        for (sent, passes) in [
            ("Bearer s3", true),
            ("bearer s3", true),
            ("Bearer s", false),
            ("Bearer s33", false),
            ("s3", false),
            ("", false),
        ] {
            assert_eq!(
                admitted(Some("s3"), &[(header::AUTHORIZATION, sent)]),
                passes,
                "{sent:?}"
            );
        }
        assert!(!admitted(Some("s3"), &[]));
    }

    #[test]
    fn without_a_token_only_this_machine_and_no_foreign_page() {
        for (name, value, passes) in [
            (header::HOST, "127.0.0.1:8011", true),
            (header::HOST, "[::1]:8011", true),
            (header::HOST, "localhost", true),
            (header::HOST, "evil.example", false),
            (header::HOST, "127.0.0.1.evil.example:8011", false),
            (header::ORIGIN, "http://localhost:3000", true),
            (header::ORIGIN, "https://evil.example", false),
            (header::ORIGIN, "null", false),
        ] {
            assert_eq!(
                admitted(None, &[(name.clone(), value)]),
                passes,
                "{name} {value}"
            );
        }
    }

    #[test]
    fn the_network_needs_a_token() {
        let everywhere = "0.0.0.0:8011".parse().unwrap();
        assert!(Access::new(None).check_address(everywhere).is_err());
        assert!(
            Access::new(Some(String::new()))
                .check_address(everywhere)
                .is_err()
        );
        assert!(
            Access::new(Some("s3".into()))
                .check_address(everywhere)
                .is_ok()
        );
        assert!(
            Access::new(None)
                .check_address("127.0.0.1:0".parse().unwrap())
                .is_ok()
        );
    }
}
