//! The routes for work on a step in this process: claim, begin, renew, report.
//!
//! Always so: a report may be sent again: the API takes it once and gives the same answer each time.

use millwright_core::protocol::{Begun, Claim, Kind, ProtocolSpecView, Report, StepRun};
use serde_json::{Value, json};

use super::{CALL_LIMIT, Client, ClientError, Safety};
use crate::host::{Host, Method, Request};

impl<H: Host> Client<'_, H> {
    /// The steps of a protocol run.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn steps(&self, protocol_run_id: i64) -> Result<Vec<StepRun>, ClientError> {
        let path = format!("/steps?protocol_run_id={protocol_run_id}");
        self.get(&path, CALL_LIMIT).await
    }

    /// A step run, as the API shows it.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn step(&self, id: i64) -> Result<StepRun, ClientError> {
        self.get(&format!("/steps/{id}"), CALL_LIMIT).await
    }

    /// Makes a step that failed or is blocked ready again.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn retry_step(&self, id: i64) -> Result<StepRun, ClientError> {
        self.post_nothing(&format!("/steps/{id}/actions/retry"))
            .await
    }

    /// Has a step passed over.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn skip_step(&self, id: i64) -> Result<StepRun, ClientError> {
        self.post_nothing(&format!("/steps/{id}/actions/skip"))
            .await
    }

    /// A protocol run's spec.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn spec(&self, protocol_run_id: i64) -> Result<ProtocolSpecView, ClientError> {
        let path = format!("/protocols/{protocol_run_id}/spec");
        self.get(&path, CALL_LIMIT).await
    }

    /// Claims one step. The same holder gets the same claim again until it is used.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn claim_step(&self, step: i64, holder: &str) -> Result<Claim, ClientError> {
        let body = json!({ "holder": holder });
        self.post(&format!("/steps/{step}/claim"), &body, Safety::Repeatable)
            .await
    }

    /// Begins work on a claimed step.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn begin_step(
        &self,
        step: i64,
        kind: Kind,
        claim: &str,
    ) -> Result<Begun, ClientError> {
        let body = json!({"kind": kind, "claim": claim});
        self.post(&format!("/steps/{step}/actions/begin"), &body, Safety::Once)
            .await
    }

    /// Makes a claim last longer.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn renew_claim(&self, step: i64, claim: &str) -> Result<Claim, ClientError> {
        let path = format!("/steps/{step}/claim/renew");
        self.post(&path, &json!({ "claim": claim }), Safety::Repeatable)
            .await
    }

    /// Reports on work, and gives the step as it then stands.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn report_step(
        &self,
        step: i64,
        claim: &str,
        report: &Report,
    ) -> Result<StepRun, ClientError> {
        let body = json!({"claim": claim, "report": report});
        self.post(&report_path(step), &body, Safety::Repeatable)
            .await
    }

    /// The request that gives work up, so that the step need not wait until the claim lapses.
    pub fn giving_up(&self, step: i64, kind: Kind, claim: &str) -> Request {
        let report = Report::stopped(kind, "the program was ended");
        let body: Value = json!({"claim": claim, "report": report});
        self.request(Method::Post, &report_path(step), Some(body.to_string()))
    }
}

fn report_path(step: i64) -> String {
    format!("/steps/{step}/actions/report")
}
