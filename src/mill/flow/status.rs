//! How a flow's steps stand, in Windmill's shape.
//!
//! Always so: there is an entry for every step of the flow, in its order, and one for the failure handler.

use millwright_core::refs::JobId;
use serde_json::{Map, Value, json};

/// How the steps of one flow, round or branch stand.
#[derive(Debug, Clone)]
pub(super) struct FlowStatus {
    pub(super) step: usize,
    pub(super) modules: Vec<StepStatus>,
    pub(super) failure: StepStatus,
    /// Only of a flow that is run with its preprocessor.
    pub(super) preprocessor: Option<StepStatus>,
    /// Of a run that began at a step of an earlier one: that run and step.
    pub(super) from: Option<(JobId, String)>,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepState {
    Waiting,
    /// So many people have to agree after the step of this job.
    WaitingForEvents {
        count: u64,
        job: JobId,
    },
    InProgress,
    Success,
    Failure,
}

/// How one step stands.
#[derive(Debug, Clone)]
pub(super) struct StepStatus {
    pub(super) id: String,
    pub(super) state: StepState,
    pub(super) job: Option<JobId>,
    pub(super) skipped: bool,
    /// The rounds of a loop, or all branches.
    pub(super) rounds: Option<Rounds>,
    pub(super) chosen: Option<Chosen>,
    pub(super) failed_retries: Vec<JobId>,
    /// Who answered after it, and which answer it was.
    pub(super) approvers: Vec<(u32, String)>,
    /// Of the failure handler: the step that failed.
    pub(super) parent_module: Option<String>,
}

/// The rounds of a loop, or all branches.
#[derive(Debug, Clone, Default)]
pub(super) struct Rounds {
    pub(super) jobs: Vec<JobId>,
    /// `None` while one runs.
    pub(super) success: Vec<Option<bool>>,
    /// How many there are to be, where that is known.
    pub(super) length: Option<usize>,
    pub(super) is_branches: bool,
}

/// The branch that was chosen.
#[derive(Debug, Clone, Copy)]
pub(super) enum Chosen {
    Branch(usize),
    Default,
}

impl FlowStatus {
    pub(super) fn new<'a>(ids: impl Iterator<Item = &'a str>) -> Self {
        Self {
            step: 0,
            modules: ids.map(StepStatus::new).collect(),
            failure: StepStatus::new("failure"),
            preprocessor: None,
            from: None,
        }
    }

    /// The flow begins with its preprocessor.
    pub(super) fn preprocesses(&mut self, id: &str) {
        self.preprocessor = Some(StepStatus::new(id));
    }

    /// The id of the step that runs, and so of the one that failed.
    pub(super) fn failing_id(&self) -> Option<&str> {
        let preprocessor = self.preprocessor.as_ref();
        let preprocesses = preprocessor.filter(|step| step.state != StepState::Success);
        let step = preprocesses.or_else(|| self.modules.get(self.step));
        step.map(|step| step.id.as_str())
    }

    /// The number of the step that runs: -1 for the preprocessor.
    fn current(&self) -> Value {
        let preprocesses = self.preprocessor.as_ref();
        match preprocesses.filter(|step| step.state != StepState::Success) {
            Some(_) => (-1).into(),
            None => self.step.into(),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let modules: Vec<Value> = self.modules.iter().map(StepStatus::to_json).collect();
        let mut status = json!({
            "step": self.current(),
            "modules": modules,
            "cleanup_module": {},
            "failure_module": self.failure.to_json(),
            "preprocessor_module": self.preprocessor.as_ref().map(StepStatus::to_json),
        });
        if let Some((job, step_id)) = &self.from {
            status["restarted_from"] = json!({"flow_job_id": job.to_string(), "step_id": step_id});
        }
        status
    }
}

impl StepStatus {
    pub(super) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            state: StepState::Waiting,
            job: None,
            skipped: false,
            rounds: None,
            chosen: None,
            failed_retries: Vec::new(),
            approvers: Vec::new(),
            parent_module: None,
        }
    }

    fn to_json(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("id".to_owned(), self.id.clone().into());
        if let Some(job) = self.job {
            fields.insert("job".to_owned(), job.to_string().into());
        }
        fields.insert("type".to_owned(), self.state.as_str().into());
        if let StepState::WaitingForEvents { count, job } = self.state {
            fields.insert("count".to_owned(), count.into());
            fields.insert("job".to_owned(), job.to_string().into());
        }
        if self.state == StepState::Success {
            fields.insert("skipped".to_owned(), self.skipped.into());
        }
        if let Some(rounds) = &self.rounds {
            fields.extend(rounds.fields(self.state == StepState::InProgress));
        }
        match self.chosen {
            Some(Chosen::Branch(number)) => {
                let chosen = json!({"type": "branch", "branch": number});
                fields.insert("branch_chosen".to_owned(), chosen);
            }
            Some(Chosen::Default) => {
                fields.insert("branch_chosen".to_owned(), json!({"type": "default"}));
            }
            None => {}
        }
        if !self.failed_retries.is_empty() {
            fields.insert("failed_retries".to_owned(), texts(&self.failed_retries));
        }
        if !self.approvers.is_empty() {
            let each = |(id, name): &(u32, String)| json!({"resume_id": id, "approver": name});
            let approvers = self.approvers.iter().map(each).collect();
            fields.insert("approvers".to_owned(), approvers);
        }
        if let Some(parent) = &self.parent_module {
            fields.insert("parent_module".to_owned(), parent.clone().into());
        }
        Value::Object(fields)
    }
}

impl StepState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "WaitingForPriorSteps",
            Self::WaitingForEvents { .. } => "WaitingForEvents",
            Self::InProgress => "InProgress",
            Self::Success => "Success",
            Self::Failure => "Failure",
        }
    }
}

impl Rounds {
    fn fields(&self, in_progress: bool) -> Map<String, Value> {
        let last = self.jobs.len().saturating_sub(1);
        let mut fields = Map::new();
        fields.insert("flow_jobs".to_owned(), texts(&self.jobs));
        let success: Vec<Value> = self.success.iter().map(|&success| success.into()).collect();
        fields.insert("flow_jobs_success".to_owned(), success.into());
        if !in_progress {
            return fields;
        }
        if self.is_branches {
            let branches = json!({"branch": last, "len": self.length});
            fields.insert("branchall".to_owned(), branches);
        } else {
            let iterator = json!({"index": last, "itered_len": self.length});
            fields.insert("iterator".to_owned(), iterator);
        }
        fields
    }
}

fn texts(jobs: &[JobId]) -> Value {
    jobs.iter()
        .map(|job| Value::from(job.to_string()))
        .collect()
}
