//! The refs API and the protocol API, typed.
//!
//! Always so: the token goes into the `Authorization` header and nowhere else, and an id is checked before it becomes part of an address.

mod base_url;
mod clarifications;
mod error;
mod projects;
mod protocols;
mod pull_requests;
mod retry;
mod runs;
mod specs;
mod steps;

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use base_url::BaseUrl;
pub use clarifications::{Asked, Question};
pub use error::ClientError;
pub use projects::NewProtocol;
pub use protocols::{Execution, ExecutionId, ExecutionStatus, Started};
use retry::Safety;
pub use specs::AuditRequest;

use crate::host::{Host, Method, Request, Response, Secret};

/// Names the refs API.
pub const API_URL: &str = "TASKSGODZILLA_API_URL";
/// Holds its token.
pub const API_TOKEN: &str = "TASKSGODZILLA_API_TOKEN";
/// Names the API of protocols and steps where that is another one.
pub const PROTOCOL_API_URL: &str = "DEVGODZILLA_API_URL";

const DEFAULT_URL: &str = "http://tasksgodzilla-api:8011";
const JSON: &str = "application/json";
/// One call gets this long.
const CALL_LIMIT: Duration = Duration::from_secs(30);

/// A caller of one of the two APIs.
#[derive(Debug)]
pub struct Client<'a, H> {
    host: &'a H,
    base: BaseUrl,
    token: Option<Secret>,
    /// When everything must be over, by the host's clock.
    until: Option<Duration>,
}

impl<'a, H: Host> Client<'a, H> {
    /// A caller of the refs API: `TASKSGODZILLA_API_URL`, else `http://tasksgodzilla-api:8011`.
    ///
    /// # Errors
    /// When the address or the token in the environment cannot be one.
    pub fn refs(host: &'a H) -> Result<Self, ClientError> {
        Self::of(host, &[API_URL])
    }

    /// A caller of the protocol API: `DEVGODZILLA_API_URL`, else as [`Client::refs`].
    ///
    /// # Errors
    /// When the address or the token in the environment cannot be one.
    pub fn protocols(host: &'a H) -> Result<Self, ClientError> {
        Self::of(host, &[PROTOCOL_API_URL, API_URL])
    }

    /// The same caller, whose calls with all their repetitions are over after `total`.
    #[must_use]
    pub fn within(mut self, total: Duration) -> Self {
        self.until = Some(self.host.now() + total);
        self
    }

    fn of(host: &'a H, variables: &[&'static str]) -> Result<Self, ClientError> {
        let named = variables
            .iter()
            .find_map(|name| Some((*name, host.env(name)?)));
        let (variable, address) = named.unwrap_or((API_URL, DEFAULT_URL.to_owned()));
        Ok(Self {
            host,
            base: BaseUrl::parse(variable, &address)?,
            token: token(host)?,
            until: None,
        })
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        limit: Duration,
    ) -> Result<T, ClientError> {
        self.call(Method::Get, path, None, Safety::Repeatable, limit)
            .await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        safety: Safety,
    ) -> Result<T, ClientError> {
        self.send_body(Method::Post, path, body, safety).await
    }

    /// Has something done that takes no more words than its path, and that must not happen twice.
    async fn post_nothing<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.post(path, &serde_json::json!({}), Safety::Once).await
    }

    async fn send_body<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
        safety: Safety,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_string(body)
            .expect("the API's records have text keys and no number that JSON lacks");
        self.call(method, path, Some(body), safety, CALL_LIMIT)
            .await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        safety: Safety,
        limit: Duration,
    ) -> Result<T, ClientError> {
        let request = self.request(method, path, body);
        let value = self.exchange(&request, path, safety, limit).await?;
        self.read(method, path, value)
    }

    /// Knows no types, so that there is one of it.
    async fn exchange(
        &self,
        request: &Request,
        path: &str,
        safety: Safety,
        limit: Duration,
    ) -> Result<Value, ClientError> {
        let answer = retry::send(self, request, path, safety, limit).await?;
        let parsed = check(&answer).and_then(|()| json(&answer));
        parsed.map_err(|problem| self.error(request.method, path, problem))
    }

    fn read<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        value: Value,
    ) -> Result<T, ClientError> {
        let unlike = |error| self.error(method, path, error::Problem::unlike(&error));
        serde_json::from_value(value).map_err(unlike)
    }

    fn request(&self, method: Method, path: &str, body: Option<String>) -> Request {
        Request {
            method,
            url: self.base.join(path),
            token: self.token.clone(),
            body,
            media_type: JSON,
        }
    }

    fn error(&self, method: Method, path: &str, problem: error::Problem) -> ClientError {
        problem.at(method, path, self.base.shown(), self.token.as_ref())
    }
}

fn token(host: &impl Host) -> Result<Option<Secret>, ClientError> {
    let Some(text) = host.env(API_TOKEN) else {
        return Ok(None);
    };
    if text.chars().all(|c| c.is_ascii_graphic()) {
        Ok(Some(Secret::new(text)))
    } else {
        Err(ClientError::BadToken)
    }
}

fn check(answer: &Response) -> Result<(), error::Problem> {
    match answer.status {
        200..=299 => Ok(()),
        300..=399 => Err(error::Problem::Redirect(
            answer.status,
            answer.location.clone(),
        )),
        status => Err(error::Problem::Status(status, error::detail(&answer.body))),
    }
}

fn json(answer: &Response) -> Result<Value, error::Problem> {
    let text = if answer.body.trim().is_empty() {
        "null"
    } else {
        &answer.body
    };
    serde_json::from_str(text).map_err(|error| error::Problem::unlike(&error))
}
