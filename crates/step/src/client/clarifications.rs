//! The protocol API's routes for questions to people.
//!
//! Always so: a question that is asked again under its key is one question.

use millwright_core::protocol::{Clarification, ClarificationStatus, Phase};

use super::{CALL_LIMIT, Client, ClientError, Safety};
use crate::host::Host;

/// What a question is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A protocol run.
    ProtocolRunId(i64),
    /// A step run.
    StepRunId(i64),
}

/// A question that work waits for.
#[derive(Debug, Clone)]
pub struct Question {
    /// What it is asked of.
    pub of: Asked,
    /// Names it there.
    pub key: String,
    /// The question.
    pub question: String,
    /// What it is about.
    pub applies_to: Phase,
    /// The answers to choose from.
    pub options: Vec<String>,
}

impl<H: Host> Client<'_, H> {
    /// Asks a question that blocks until it is answered.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn ask(&self, question: &Question) -> Result<Clarification, ClientError> {
        let mut body = serde_json::json!({
            "key": question.key, "question": question.question, "applies_to": question.applies_to,
            "blocking": true, "options": question.options,
        });
        let (name, id) = question.of.parameter();
        body[name] = id.into();
        self.post("/clarifications", &body, Safety::Repeatable)
            .await
    }

    /// The questions of a protocol run or step run, oldest first, at most 500.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn questions(
        &self,
        of: Asked,
        status: Option<ClarificationStatus>,
    ) -> Result<Vec<Clarification>, ClientError> {
        let (name, id) = of.parameter();
        let status = status.map(|status| format!("&status={status}"));
        let status = status.unwrap_or_default();
        let path = format!("/clarifications?{name}={id}&limit=500{status}");
        self.get(&path, CALL_LIMIT).await
    }
}

impl Asked {
    fn parameter(self) -> (&'static str, i64) {
        match self {
            Self::ProtocolRunId(id) => ("protocol_run_id", id),
            Self::StepRunId(id) => ("step_run_id", id),
        }
    }
}
