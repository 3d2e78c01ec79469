//! Jobs: started, followed and cancelled.
//!
//! Always so: a job id is a UUID before it reaches an address.

use millwright_core::refs::JobId;
use reqwest::Response;
use serde_json::{Map, Value, json};

use super::client::Ask;
use super::deployment::ItemKind;
use super::{Client, ItemPath, WindmillError};

impl Client {
    /// Starts a script or flow with arguments, and gives the job.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn run(
        &self,
        kind: ItemKind,
        path: &ItemPath,
        arguments: &Map<String, Value>,
    ) -> Result<JobId, WindmillError> {
        let what = format!("to run the {} {path}", kind.as_str());
        let letter = match kind {
            ItemKind::Flow => 'f',
            _ => 'p',
        };
        let route = format!("jobs/run/{letter}/{path}");
        let body = Value::Object(arguments.clone());
        let answer = self.text(Ask::post(&route, &what, &body)).await?;
        let id = answer.trim().trim_matches('"');
        id.parse()
            .map_err(|_| self.bad_answer(&what, "it is no job's id".to_owned()))
    }

    /// How a job stands, as Windmill tells it, without its log and code.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn job(&self, id: JobId) -> Result<Value, WindmillError> {
        let route = format!("jobs_u/get/{id}?no_logs=true&no_code=true");
        let what = format!("the job {id}");
        self.json(Ask::get(&route, &what)).await
    }

    /// The jobs that a query names, newest first: `parent_job=…`, `script_path_exact=…` and what else Windmill takes.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn jobs(&self, query: &str) -> Result<Vec<Value>, WindmillError> {
        let route = format!("jobs/list?{query}");
        self.json(Ask::get(&route, "the list of jobs")).await
    }

    /// A job's news as server-sent frames, its log from an offset in characters on.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn updates(&self, id: JobId, log_offset: u64) -> Result<Response, WindmillError> {
        let route =
            format!("jobs_u/getupdate_sse/{id}?running=false&fast=true&log_offset={log_offset}");
        let what = format!("the news of the job {id}");
        self.stream(Ask::get(&route, &what)).await
    }

    /// Cancels a job; one that has ended stays as it is.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn cancel(&self, id: JobId, reason: &str) -> Result<(), WindmillError> {
        let route = format!("jobs_u/queue/cancel/{id}");
        let what = format!("to cancel the job {id}");
        let body = json!({"reason": reason});
        self.text(Ask::post(&route, &what, &body)).await.map(drop)
    }
}
