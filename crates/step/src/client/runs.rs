//! The refs API's routes for runs.
//!
//! Always so: each of them may be repeated; the records are `core::refs`'s.

use millwright_core::refs::{
    Artifact, FinishRun, LogAppended, Run, RunId, StartRun, UpsertArtifact,
};

use super::{CALL_LIMIT, Client, ClientError, Safety};
use crate::host::{Host, Method, Request};

impl<H: Host> Client<'_, H> {
    /// Registers a run, or changes what is sent of a registered one.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn start_run(&self, run: &StartRun) -> Result<Run, ClientError> {
        // Without an id the API makes up one, and each sending would make another run.
        let safety = if run.run_id.is_some() {
            Safety::Repeatable
        } else {
            Safety::Once
        };
        self.post("/codex/runs/start", run, safety).await
    }

    /// Registers an artifact of a run, or changes the one of that name.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn upsert_artifact(
        &self,
        run: &RunId,
        artifact: &UpsertArtifact,
    ) -> Result<Artifact, ClientError> {
        let path = format!("/codex/runs/{run}/artifacts/upsert");
        self.post(&path, artifact, Safety::Repeatable).await
    }

    /// Says how a run ended.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn finish_run(&self, run: &RunId, outcome: &FinishRun) -> Result<Run, ClientError> {
        let path = format!("/codex/runs/{run}/finish");
        self.post(&path, outcome, Safety::Repeatable).await
    }

    /// Adds text to a run's agent log, of which `offset` bytes are kept already, and says where the next part begins. At most
    /// 256 KiB. An empty text at 0 only asks how far the log is.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses: 409 where there is a gap before `offset`.
    pub async fn append_log(
        &self,
        run: &RunId,
        offset: u64,
        text: &str,
    ) -> Result<u64, ClientError> {
        let path = format!("/codex/runs/{run}/logs?offset={offset}");
        let request = Request {
            media_type: "text/plain; charset=utf-8",
            ..self.request(Method::Post, &path, Some(text.to_owned()))
        };
        // What is kept already is not written twice.
        let answer = self.exchange(&request, &path, Safety::Repeatable, CALL_LIMIT);
        let kept: LogAppended = self.read(Method::Post, &path, answer.await?)?;
        Ok(kept.next_offset)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::host::block_on;
    use crate::host::double::Double;

    #[test]
    fn a_part_of_a_log_is_sent_as_text_until_it_arrives() {
        let host = Double::new()
            .answer(502, &json!({}))
            .answer(200, &json!({"run_id": "r", "next_offset": 9}));
        let client = Client::refs(&host).unwrap();
        let run = "r".parse().unwrap();
        assert_eq!(block_on(client.append_log(&run, 4, "two\n")), Ok(9));
        let request = host.requests().pop().unwrap();
        assert!(request.url.ends_with("/codex/runs/r/logs?offset=4"));
        assert_eq!(request.media_type, "text/plain; charset=utf-8");
        assert_eq!(request.body.as_deref(), Some("two\n"));
    }
}
