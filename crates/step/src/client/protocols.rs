//! The protocol API's routes that the steps call.
//!
//! Always so: an id is a number or a UUID by its type, so nothing else reaches an address.

use std::time::Duration;

use millwright_core::protocol::{ProtocolRun, RunNextStep};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{CALL_LIMIT, Client, ClientError, Safety};
use crate::host::{Host, Method, Request};

/// The answer to the start of an execution.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Started {
    /// The execution.
    pub execution_id: ExecutionId,
}

/// An execution's id: a UUID or a number.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub struct ExecutionId(String);

/// An execution, begun or ended.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Execution {
    /// How it stands.
    pub status: ExecutionStatus,
    /// What it yielded.
    #[serde(default)]
    pub result: Value,
    /// What went wrong.
    #[serde(default)]
    pub error: Value,
}

/// How an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionStatus {
    /// Under way.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Ended by someone's wish.
    Cancelled,
}

impl TryFrom<Value> for ExecutionId {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match &value {
            Value::Number(number) if number.is_u64() => Ok(Self(number.to_string())),
            Value::String(text) if Uuid::try_parse(text).is_ok() => Ok(Self(text.clone())),
            _ => Err(format!(
                "{value} is no execution id: expected a UUID or a number"
            )),
        }
    }
}

impl<H: Host> Client<'_, H> {
    /// A protocol run, as the API shows it.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn protocol(&self, id: i64) -> Result<ProtocolRun, ClientError> {
        self.get(&format!("/protocols/{id}"), CALL_LIMIT).await
    }

    /// Has a protocol run planned.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn start_protocol(&self, id: i64) -> Result<ProtocolRun, ClientError> {
        self.post_nothing(&format!("/protocols/{id}/actions/start"))
            .await
    }

    /// Stops a protocol run for a while.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn pause_protocol(&self, id: i64) -> Result<ProtocolRun, ClientError> {
        self.post_nothing(&format!("/protocols/{id}/actions/pause"))
            .await
    }

    /// Claims the next step, or all that are ready. The same holder gets the same claims again until they are used.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn claim_steps(
        &self,
        protocol: i64,
        holder: &str,
        all: bool,
    ) -> Result<RunNextStep, ClientError> {
        let path = format!("/protocols/{protocol}/actions/run_next_step");
        self.post(
            &path,
            &json!({"holder": holder, "all": all}),
            Safety::Repeatable,
        )
        .await
    }

    /// Starts the execution of a step.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn execute_step(
        &self,
        step: i64,
        claim: Option<&str>,
    ) -> Result<Started, ClientError> {
        let body = claim.map_or_else(|| json!({}), |claim| json!({ "claim": claim }));
        self.post(
            &format!("/steps/{step}/actions/execute"),
            &body,
            safety(claim),
        )
        .await
    }

    /// Starts the quality check of a step.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn check_step(
        &self,
        step: i64,
        claim: Option<&str>,
        gates: Option<&[String]>,
    ) -> Result<Started, ClientError> {
        let mut body = Map::new();
        if let Some(claim) = claim {
            body.insert("claim".to_owned(), claim.into());
        }
        if let Some(gates) = gates.filter(|gates| !gates.is_empty()) {
            body.insert("gates".to_owned(), gates.into());
        }
        self.post(&format!("/steps/{step}/actions/qa"), &body, safety(claim))
            .await
    }

    /// An execution, once it has ended or `wait` is over.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn execution(
        &self,
        id: &ExecutionId,
        wait: Duration,
    ) -> Result<Execution, ClientError> {
        let path = format!("/executions/{}?wait={}", id.0, wait.as_secs());
        self.get(&path, wait + CALL_LIMIT).await
    }

    /// The request that cancels an execution.
    pub fn cancellation(&self, id: &ExecutionId) -> Request {
        let path = format!("/executions/{}/cancel", id.0);
        self.request(Method::Post, &path, Some("{}".to_owned()))
    }
}

/// Starting is idempotent per claim; without one each start claims anew.
fn safety(claim: Option<&str>) -> Safety {
    if claim.is_some() {
        Safety::Repeatable
    } else {
        Safety::Once
    }
}
