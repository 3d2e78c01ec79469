//! The client of Windmill's API.
//!
//! Always so: an answer is bounded, a redirect is not followed with the token, and only what changes nothing is repeated.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::{reason_of, told};
use super::{Connection, WindmillError};

/// An answer that is no log is never longer.
const ANSWER_LIMIT: usize = 64 * 1024 * 1024;
/// What only looks is asked again so often, for a server that is just starting again.
const TRIES: u32 = 3;
/// The first wait between two tries; each next one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// A client of one Windmill. Clones share connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    connection: Arc<Connection>,
}

/// A request, and what it is about, for messages.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    /// The route below `/api/w/<workspace>/`, or below `/api/` where it begins with a slash.
    pub(super) route: &'a str,
    pub(super) what: &'a str,
    pub(super) body: Option<&'a Value>,
}

impl<'a> Ask<'a> {
    pub(super) fn get(route: &'a str, what: &'a str) -> Self {
        Self {
            method: Method::GET,
            route,
            what,
            body: None,
        }
    }

    pub(super) fn post(route: &'a str, what: &'a str, body: &'a Value) -> Self {
        Self {
            method: Method::POST,
            body: Some(body),
            ..Self::get(route, what)
        }
    }

    pub(super) fn delete(route: &'a str, what: &'a str) -> Self {
        Self {
            method: Method::DELETE,
            ..Self::get(route, what)
        }
    }
}

impl Client {
    /// A client for a connection. Nothing is asked yet.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(connection: Connection) -> Result<Self, reqwest::Error> {
        // Another part of the program has installed it already: then this one has it too.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder()
            .connect_timeout(connection.timeout)
            .read_timeout(connection.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            http,
            connection: Arc::new(connection),
        })
    }

    /// Who is asked.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The answer to a request below the workspace, whatever its status is.
    ///
    /// # Errors
    /// [`WindmillError::Unreachable`].
    pub async fn answer(&self, route: &str) -> Result<Response, WindmillError> {
        self.sent(self.request(&Ask::get(route, ""))).await
    }

    /// The JSON that a request is answered with.
    pub(super) async fn json<T: DeserializeOwned>(&self, ask: Ask<'_>) -> Result<T, WindmillError> {
        let what = ask.what;
        let bytes = self.bytes(ask).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let is_page = bytes.trim_ascii_start().starts_with(b"<");
            let reason = if is_page {
                "a page of HTML".to_owned()
            } else {
                error.to_string()
            };
            self.bad_answer(what, reason)
        })
    }

    /// The same, with nothing where there is no such thing.
    pub(super) async fn find<T: DeserializeOwned>(
        &self,
        ask: Ask<'_>,
    ) -> Result<Option<T>, WindmillError> {
        match self.json(ask).await {
            Err(error) if error.is_not_found() => Ok(None),
            found => found.map(Some),
        }
    }

    /// The text that a request is answered with.
    pub(super) async fn text(&self, ask: Ask<'_>) -> Result<String, WindmillError> {
        let what = ask.what;
        let bytes = self.bytes(ask).await?;
        String::from_utf8(bytes)
            .map_err(|_| self.bad_answer(what, "it is no UTF-8 text".to_owned()))
    }

    /// A successful answer, as it arrives.
    pub(super) async fn stream(&self, ask: Ask<'_>) -> Result<Response, WindmillError> {
        let answer = self.sent(self.request(&ask)).await?;
        self.accepted(answer, ask.what).await
    }

    async fn bytes(&self, ask: Ask<'_>) -> Result<Vec<u8>, WindmillError> {
        let answer = self.patiently(&ask).await?;
        let mut answer = self.accepted(answer, ask.what).await?;
        let mut bytes = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|e| self.unreachable(e))? {
            bytes.extend_from_slice(&part);
            if bytes.len() > ANSWER_LIMIT {
                let reason = format!("more than {ANSWER_LIMIT} bytes");
                return Err(self.bad_answer(ask.what, reason));
            }
        }
        Ok(bytes)
    }

    /// Asks again where that changes nothing and the server is not there, or not yet.
    async fn patiently(&self, ask: &Ask<'_>) -> Result<Response, WindmillError> {
        let mut wait = FIRST_WAIT;
        for _ in 1..TRIES {
            let answer = self.sent(self.request(ask)).await;
            let is_away = match &answer {
                Ok(answer) => is_passing(answer.status()),
                Err(_) => true,
            };
            if !is_away || ask.method != Method::GET {
                return answer;
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        self.sent(self.request(ask)).await
    }

    fn request(&self, ask: &Ask<'_>) -> RequestBuilder {
        let base = self.connection.url.as_str().trim_end_matches('/');
        let workspace = &self.connection.workspace;
        let address = if ask.route.starts_with('/') {
            format!("{base}/api{}", ask.route)
        } else {
            format!("{base}/api/w/{workspace}/{}", ask.route)
        };
        let mut request = self.http.request(ask.method.clone(), address);
        if let Some(token) = &self.connection.token {
            request = request.bearer_auth(token);
        }
        match ask.body {
            Some(body) => request.json(body),
            None => request,
        }
    }

    async fn sent(&self, request: RequestBuilder) -> Result<Response, WindmillError> {
        request
            .send()
            .await
            .map_err(|error| self.unreachable(error))
    }

    async fn accepted(&self, answer: Response, what: &str) -> Result<Response, WindmillError> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let said = told(&answer.text().await.unwrap_or_default());
        let what = what.to_owned();
        // Without a token Windmill answers 400 on some routes.
        let unnamed = self.connection.token.is_none() && status == StatusCode::BAD_REQUEST;
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => self.unauthorized(status),
            _ if unnamed => self.unauthorized(status),
            StatusCode::NOT_FOUND => WindmillError::NotFound { what, said },
            _ => WindmillError::Refused { what, status, said },
        })
    }

    fn unauthorized(&self, status: StatusCode) -> WindmillError {
        WindmillError::Unauthorized {
            address: self.connection.address(),
            workspace: self.connection.workspace.clone(),
            status,
        }
    }

    pub(super) fn unreachable(&self, error: reqwest::Error) -> WindmillError {
        WindmillError::Unreachable {
            address: self.connection.address(),
            reason: reason_of(error),
        }
    }

    pub(super) fn broken_off(&self) -> WindmillError {
        WindmillError::Unreachable {
            address: self.connection.address(),
            reason: "the answer broke off".to_owned(),
        }
    }

    pub(super) fn bad_answer(&self, what: &str, reason: String) -> WindmillError {
        WindmillError::BadAnswer {
            address: self.connection.address(),
            what: what.to_owned(),
            reason,
        }
    }
}

/// What a proxy says while the server behind it starts.
fn is_passing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}
