//! Jobs: started, followed and cancelled.
//!
//! Always so: a job id is a UUID before it reaches an address.

use millwright_core::refs::JobId;
use serde_json::{Map, Value, json};

use super::client::Ask;
use super::deployment::ItemKind;
use super::{Client, ItemPath, Job, WindmillError};

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
        self.started(Ask::post(&route, &what, &body)).await
    }

    /// Starts a script that is deployed nowhere, without arguments, and gives the job.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn preview(&self, language: &str, text: &str) -> Result<JobId, WindmillError> {
        let body = json!({"language": language, "content": text, "args": {}});
        let ask = Ask::post("jobs/run/preview", "to run a script", &body);
        self.started(ask).await
    }

    async fn started(&self, ask: Ask<'_>) -> Result<JobId, WindmillError> {
        let what = ask.what;
        let answer = self.text(ask).await?;
        let id = answer.trim().trim_matches('"');
        id.parse()
            .map_err(|_| self.bad_answer(what, "it is no job's id".to_owned()))
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

    /// The same, as far as it is read here.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn standing(&self, id: JobId) -> Result<Job, WindmillError> {
        let job = self.job(id).await?;
        let what = format!("the job {id}");
        serde_json::from_value(job).map_err(|error| self.bad_answer(&what, error.to_string()))
    }

    /// The jobs that a query names, newest first: `parent_job=…`, `script_path_exact=…` and what else Windmill takes.
    ///
    /// # Errors
    /// [`WindmillError`].
    pub async fn jobs(&self, query: &str) -> Result<Vec<Value>, WindmillError> {
        let route = format!("jobs/list?{query}");
        self.json(Ask::get(&route, "the list of jobs")).await
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
