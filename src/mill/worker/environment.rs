//! A job's environment and the first lines of its log.
//!
//! Always so: every `WM_*` variable that Windmill sets is set; one that does not apply is empty.

use millwright_core::refs::JobId;

use crate::mill::language::Script;
use crate::mill::{USER, WORKER};
use crate::store::Timestamp;

/// Where a script stands among the jobs.
#[derive(Debug, Clone)]
pub(in crate::mill) struct Place {
    /// The script's job.
    pub(in crate::mill) job: JobId,
    /// The outermost job.
    pub(in crate::mill) root: JobId,
    /// The flow, round or branch that it is a step of.
    pub(in crate::mill) flow: Option<JobId>,
    /// The innermost flow that is no round or branch.
    pub(in crate::mill) root_flow: Option<JobId>,
    /// The path of the flow, round or branch; empty where it has none.
    pub(in crate::mill) flow_path: String,
    /// The step's id.
    pub(in crate::mill) step_id: Option<String>,
    /// The script's path.
    pub(in crate::mill) path: Option<String>,
    /// The script's hash.
    pub(in crate::mill) hash: String,
    /// The workspace.
    pub(in crate::mill) workspace: String,
    /// The server's address.
    pub(in crate::mill) base_url: String,
}

impl Place {
    pub(super) fn job(&self) -> String {
        self.job.to_string()
    }

    /// What a worker writes before the script's output.
    pub(super) fn preamble(&self, script: &Script) -> String {
        let tag = script.language.name();
        let name = script.run_name().to_uppercase();
        format!(
            "job={} tag={tag} worker={WORKER} hostname=localhost\n\n\n--- {name} CODE EXECUTION ---\n",
            self.job
        )
    }

    /// Every variable that the script sees.
    pub(super) fn variables<'a>(&self, more: &'a [(String, String)]) -> Vec<(&'a str, String)> {
        let id = |job: Option<JobId>| job.map(|job| job.to_string()).unwrap_or_default();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let own = [
            ("WM_JOB_ID", self.job.to_string()),
            ("WM_ROOT_JOB_ID", self.root.to_string()),
            ("WM_FLOW_JOB_ID", id(self.flow)),
            ("WM_ROOT_FLOW_JOB_ID", id(self.root_flow)),
            ("WM_FLOW_PATH", self.flow_path.clone()),
            ("WM_FLOW_STEP_ID", text(&self.step_id)),
            ("WM_JOB_PATH", text(&self.path)),
            ("WM_RUNNABLE_ID", self.hash.clone()),
            ("WM_WORKSPACE", self.workspace.clone()),
            ("WM_BASE_URL", self.base_url.clone()),
            ("BASE_URL", self.base_url.clone()),
            ("BASE_INTERNAL_URL", self.base_url.clone()),
            ("WM_TOKEN", String::new()),
            ("WM_EMAIL", String::new()),
            ("WM_USERNAME", USER.to_owned()),
            ("WM_PERMISSIONED_AS", format!("u/{USER}")),
            ("WM_WORKER_GROUP", "default".to_owned()),
            ("WM_SCHEDULED_FOR", Timestamp::now().to_run_text()),
            ("WM_SCHEDULE_PATH", String::new()),
            ("WM_OBJECT_PATH", String::new()),
            ("WM_STATE_PATH", String::new()),
            ("WM_STATE_PATH_NEW", String::new()),
        ];
        let more = more
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()));
        more.chain(own).collect()
    }
}
