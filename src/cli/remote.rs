//! The API of a running server, for commands that ask it.
//!
//! Always so: the token comes from the environment, and what the server refuses is told in its own words.

use std::env;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;

use super::{CommandError, Exit, output};
use crate::utf8::take_whole;

/// A call that changes or asks for something gets this long.
const LIMIT: Duration = Duration::from_secs(30);

/// What to do where no API listens.
pub(super) const START_ONE: &str = "start one with `millwright serve`, or name another with --api";

/// A running server.
#[derive(Debug)]
pub(super) struct Remote {
    client: Client,
    address: String,
    token: Option<String>,
}

/// Which server.
#[derive(Debug, clap::Args)]
pub(super) struct RemoteArgs {
    /// The API's address. Its token comes from `TASKSGODZILLA_API_TOKEN`.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "TASKSGODZILLA_API_URL",
        hide_env_values = true,
        default_value = "http://127.0.0.1:8011"
    )]
    api: String,
}

impl RemoteArgs {
    /// The server.
    pub(super) fn remote(&self) -> Result<Remote, CommandError> {
        let bad = |error: &dyn std::fmt::Display| {
            CommandError::new(Exit::BadInput, format!("--api {}: {error}", self.api))
        };
        let url = url::Url::parse(&self.api).map_err(|error| bad(&error))?;
        if !["http", "https"].contains(&url.scheme()) || url.host().is_none() {
            return Err(bad(&"an API's address is such as http://127.0.0.1:8011"));
        }
        // Another part of the program has installed it already: then this one has it too.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = Client::builder()
            .connect_timeout(LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| bad(&error))?;
        Ok(Remote {
            client,
            address: self.api.trim_end_matches('/').to_owned(),
            token: env::var("TASKSGODZILLA_API_TOKEN")
                .ok()
                .filter(|token| !token.is_empty()),
        })
    }
}

impl Remote {
    /// Its address.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// What a route answers.
    pub(super) async fn get(&self, path: &str) -> Result<Value, CommandError> {
        self.json(self.request(Method::GET, path).timeout(LIMIT))
            .await
    }

    /// The same, with nothing where there is no such thing.
    pub(super) async fn find(&self, path: &str) -> Result<Option<Value>, CommandError> {
        let answer = self
            .sent(self.request(Method::GET, path).timeout(LIMIT))
            .await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let answer = self.accepted(answer).await?;
        let found = answer.json().await;
        found.map(Some).map_err(|error| self.unreached(&error))
    }

    /// Does something, and gives the answer.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, CommandError> {
        let request = self.request(Method::POST, path).timeout(LIMIT);
        self.json(request.json(body)).await
    }

    /// The answer of a stream, from an event on.
    pub(super) async fn stream(
        &self,
        path: &str,
        after: Option<&str>,
    ) -> Result<Response, CommandError> {
        let request = self.request(Method::GET, path);
        let request = match after {
            Some(id) => request.header("last-event-id", id),
            None => request,
        };
        self.checked(request).await
    }

    /// Prints the text of an answer as it arrives.
    pub(super) async fn print(&self, path: &str) -> Result<(), CommandError> {
        let mut answer = self.checked(self.request(Method::GET, path)).await?;
        let mut bytes = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|e| self.unreached(&e))? {
            bytes.extend_from_slice(&part);
            output::part(&take_whole(&mut bytes, |bad| "\u{fffd}".repeat(bad)));
        }
        output::part(&String::from_utf8_lossy(&bytes));
        Ok(())
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .client
            .request(method, format!("{}{path}", self.address));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn json(&self, request: RequestBuilder) -> Result<Value, CommandError> {
        let answer = self.checked(request).await?;
        answer.json().await.map_err(|error| self.unreached(&error))
    }

    async fn checked(&self, request: RequestBuilder) -> Result<Response, CommandError> {
        let answer = self.sent(request).await?;
        self.accepted(answer).await
    }

    async fn sent(&self, request: RequestBuilder) -> Result<Response, CommandError> {
        let answer = request.send().await;
        answer.map_err(|error| self.unreached(&error))
    }

    async fn accepted(&self, answer: Response) -> Result<Response, CommandError> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let body: Value = answer.json().await.unwrap_or_default();
        let exit = match status {
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY => {
                Exit::BadInput
            }
            _ => Exit::Unavailable,
        };
        Err(CommandError::new(exit, self.refusal(status, &body)))
    }

    fn refusal(&self, status: StatusCode, body: &Value) -> String {
        let hint = match status {
            StatusCode::UNAUTHORIZED => ": set TASKSGODZILLA_API_TOKEN to the server's token",
            _ => "",
        };
        match &body["detail"] {
            Value::String(detail) => format!("{detail}{hint}"),
            Value::Array(issues) => {
                let told = issues.iter().map(|issue| {
                    let place = issue["loc"].as_array().and_then(|loc| loc.last());
                    let place = place.and_then(Value::as_str).unwrap_or("request");
                    format!("{place}: {}", issue["msg"].as_str().unwrap_or_default())
                });
                told.collect::<Vec<_>>().join("; ")
            }
            _ => format!("{} answered {status}{hint}", self.address),
        }
    }

    fn unreached(&self, error: &reqwest::Error) -> CommandError {
        let no_answer = format!("no answer from {}", self.address);
        let message = if error.is_connect() {
            format!("{no_answer}: {START_ONE}")
        } else {
            no_answer
        };
        CommandError::new(Exit::Unavailable, message)
    }
}
