//! A flow's job in Windmill, as a run of it would have been registered.
//!
//! Always so: a run's id is what the flow's own step would have chosen, so that both mean the same run.

use std::collections::BTreeMap;

use millwright_core::refs::{JobId, Resource, RunId};
use serde_json::{Value, json};

use crate::embedded::flow_definitions;
use crate::windmill::{Client, WindmillError};

/// So many jobs are asked for at once. A server may give fewer.
const PAGE: usize = 1000;

/// A job of one of our flows.
#[derive(Debug)]
pub(super) struct FlowJob {
    pub(super) id: JobId,
    /// The flow's name.
    pub(super) flow: String,
    pub(super) created_at: String,
    /// The step that registers the run, where it began.
    pub(super) emit: Option<JobId>,
    /// Whether that step is over, or never comes.
    is_past: bool,
    args: Value,
}

/// The jobs of our flows since then, the oldest first. The flows' paths begin so.
pub(super) async fn jobs_since(
    client: &Client,
    beginning: &str,
    since: jiff::Timestamp,
) -> Result<Vec<FlowJob>, WindmillError> {
    let mut found = BTreeMap::new();
    let mut before: Option<String> = None;
    loop {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("script_path_start", beginning);
        query.append_pair("job_kinds", "flow");
        query.append_pair("created_after", &since.to_string());
        query.append_pair("per_page", &PAGE.to_string());
        if let Some(before) = &before {
            query.append_pair("created_before", before);
        }
        let page = client.jobs(&query.finish()).await?;
        // The next page begins with what this one ends with. Jobs that have not ended come on every page, before the others.
        let has_ended = |job: &&Value| job["type"] == "CompletedJob";
        let ended = page.iter().filter(has_ended);
        let oldest = ended.filter_map(|job| job["created_at"].as_str()).min();
        let is_more = oldest.is_some() && oldest != before.as_deref();
        before = oldest.map(str::to_owned);
        for job in &page {
            found.extend(FlowJob::listed(job, beginning).map(|job| (job.key(), job)));
        }
        if !is_more {
            return Ok(found.into_values().collect());
        }
    }
}

impl FlowJob {
    fn listed(job: &Value, beginning: &str) -> Option<Self> {
        let flow = job["script_path"].as_str()?.strip_prefix(beginning)?;
        let path = format!("f/devgodzilla/{flow}");
        let is_ours = flow_definitions().iter().any(|ours| ours.path == path);
        // A round of a loop is no flow of its own.
        let is_flow = job["job_kind"] == "flow";
        (is_ours && is_flow).then_some(())?;
        Some(Self {
            id: job["id"].as_str()?.parse().ok()?,
            flow: flow.to_owned(),
            created_at: job["created_at"].as_str()?.to_owned(),
            emit: None,
            is_past: false,
            args: Value::Null,
        })
    }

    fn key(&self) -> (String, JobId) {
        (self.created_at.clone(), self.id)
    }

    /// With what Windmill tells of the job alone.
    pub(super) fn with_details(self, job: &Value) -> Self {
        let emit = &job["flow_status"]["modules"][0];
        let is_emit = emit["id"] == "tgz_emit_refs";
        let id = emit["job"].as_str().filter(|_| is_emit);
        let is_over = ["Success", "Failure"]
            .iter()
            .any(|over| emit["type"] == *over);
        Self {
            emit: id.and_then(|id| id.parse().ok()),
            is_past: job["type"] == "CompletedJob" || (is_emit && is_over),
            args: job["args"].clone(),
            ..self
        }
    }

    /// Whether the flow has not come past the step that registers it.
    pub(super) fn may_still_register(&self) -> bool {
        !self.is_past
    }

    /// Whether the flow's caller chose the run's id.
    pub(super) fn chose_run_id(&self) -> bool {
        self.chosen().is_some()
    }

    fn chosen(&self) -> Option<RunId> {
        self.args["tgz_run_id"].as_str()?.parse().ok()
    }

    /// The body of `POST /codex/runs/start`.
    pub(super) fn start_run(&self) -> Value {
        let job = self.emit.unwrap_or(self.id);
        let run_id = self
            .chosen()
            .map_or_else(|| job.to_string(), |id| id.to_string());
        // Flows pass 0 where their caller named none.
        let id = |name: &str| self.args[name].as_i64().filter(|id| *id > 0);
        let params = &self.args["tgz_params"];
        json!({
            "run_id": run_id,
            "job_type": self.registered_as("job_type"),
            "run_kind": self.registered_as("run_kind"),
            "project_id": id("project_id"),
            "protocol_run_id": id("protocol_run_id"),
            "step_run_id": id("step_run_id"),
            "params": params.as_object().filter(|params| !params.is_empty()),
            "log_path": job.reference(Resource::Logs),
        })
    }

    /// What the flow's step says of every run of it.
    fn registered_as(&self, argument: &str) -> Value {
        let path = format!("f/devgodzilla/{}", self.flow);
        let definitions = flow_definitions();
        let flow = definitions.iter().find(|ours| ours.path == path);
        let flow = flow.map(|ours| ours.flow.to_value()).unwrap_or_default();
        flow["value"]["modules"][0]["value"]["input_transforms"][argument]["value"].clone()
    }
}
