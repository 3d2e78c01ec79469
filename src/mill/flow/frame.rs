//! One flow, round or branch while it runs.
//!
//! Always so: a step's result is found in its own frame first, then in those around it; what ran inside a round or
//! branch is found from outside after it ended, the last round's first.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use millwright_core::openflow::Module;
use millwright_core::refs::JobId;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::recorded::Recorded;
use super::status::FlowStatus;
use crate::mill::expression::{Results, Scope};
use crate::mill::ledger::Decision;
use crate::mill::new_job_id;
use crate::mill::plan::Plan;
use crate::mill::service::Inner;
use crate::mill::stop::Stop;
use crate::store::StoreError;

/// While many rounds come and go, their flow's status is written this often.
const STATUS_EVERY: Duration = Duration::from_millis(50);
/// The status of a flow with more steps is written less often: it is long.
const LARGE: usize = 500;

/// What all frames of one outermost job share.
pub(in crate::mill) struct Run {
    pub(in crate::mill) mill: Arc<Inner>,
    pub(in crate::mill) plan: Arc<Plan>,
    pub(in crate::mill) root: JobId,
    /// Ends all of it.
    pub(in crate::mill) stop: Arc<Stop>,
    /// What it has behind it, where it is taken up again.
    pub(super) recorded: Recorded,
}

impl Run {
    pub(in crate::mill) fn new(mill: Arc<Inner>, plan: Arc<Plan>) -> Arc<Self> {
        Self::with(mill, plan, new_job_id(), Recorded::default())
    }

    /// A run that has something behind it.
    pub(in crate::mill) fn with(
        mill: Arc<Inner>,
        plan: Arc<Plan>,
        root: JobId,
        recorded: Recorded,
    ) -> Arc<Self> {
        Arc::new(Self {
            mill,
            plan,
            root,
            stop: Stop::new(),
            recorded,
        })
    }
}

/// One flow, round or branch while it runs.
pub(super) struct Frame {
    pub(super) run: Arc<Run>,
    pub(super) job: JobId,
    /// The frame around a round or branch. A sub-flow has none: it sees nothing of the flow that runs it.
    pub(super) around: Option<Arc<Self>>,
    /// The innermost flow that is no round or branch.
    pub(super) root_flow: JobId,
    /// The steps that lead to the flow, with a slash after each.
    pub(super) within: Arc<str>,
    /// Which round of a loop it is.
    pub(super) round: Option<usize>,
    /// The flow's path, with what leads to the round or branch; `None` for a flow without a path.
    pub(super) path: Option<String>,
    pub(super) flow_input: Arc<Map<String, Value>>,
    /// The `flow_env` of the flow.
    pub(super) flow_env: Arc<Map<String, Value>>,
    pub(super) failure_module: Option<Arc<Module>>,
    /// The folder that the steps of a flow with `same_worker` share.
    pub(super) shared: Option<PathBuf>,
    pub(super) depth: usize,
    pub(super) stop: Arc<Stop>,
    pub(super) status: Mutex<FlowStatus>,
    pub(super) status_written: Mutex<Option<Instant>>,
    pub(super) results: Mutex<HashMap<String, Arc<Value>>>,
}

impl Frame {
    /// Changes the status in memory and returns its text, where that is written: that of a flow with many steps now and
    /// then.
    pub(super) fn change(&self, change: impl FnOnce(&mut FlowStatus)) -> Option<String> {
        let mut status = self
            .status
            .lock()
            .expect("nothing panics while it changes a status");
        change(&mut status);
        let size = status.modules.len();
        if size > LARGE && !self.is_due(STATUS_EVERY * u32::try_from(size / LARGE).unwrap_or(1)) {
            return None;
        }
        self.text_of(&status)
    }

    /// The status as text, where that is written.
    pub(super) fn status_text(&self) -> Option<String> {
        let status = self
            .status
            .lock()
            .expect("nothing panics while it changes a status");
        self.text_of(&status)
    }

    fn text_of(&self, status: &FlowStatus) -> Option<String> {
        let records = &self.run.mill.records;
        let secrets = &self.run.plan.project.secrets;
        records.text(|| {
            let told = status.to_json();
            let told = if secrets.is_empty() {
                told
            } else {
                secrets.conceal(&told)
            };
            told.to_string()
        })
    }

    /// Changes the status and writes it, unless it was written a moment ago.
    pub(super) async fn change_now_and_then(
        &self,
        change: impl FnOnce(&mut FlowStatus),
    ) -> Result<(), StoreError> {
        let text = self.change(change);
        if self.is_due(STATUS_EVERY) {
            self.write_status(text).await?;
        }
        Ok(())
    }

    pub(super) async fn write_status(&self, text: Option<String>) -> Result<(), StoreError> {
        self.run.mill.records.status(self.job, text).await
    }

    fn is_due(&self, every: Duration) -> bool {
        let mut written = self
            .status_written
            .lock()
            .expect("nothing panics while it holds a time");
        let due = written.is_none_or(|at| at.elapsed() >= every);
        if due {
            *written = Some(Instant::now());
        }
        due
    }

    pub(super) fn keep_result(&self, step_id: &str, result: &Arc<Value>) {
        self.results
            .lock()
            .expect("nothing panics while it keeps a result")
            .insert(step_id.to_owned(), Arc::clone(result));
    }

    /// Takes over what a round or branch knows, so that it is found from here on.
    pub(super) fn keep_results_of(&self, inner: &Self) {
        let inner = inner.known_results();
        let mut own = self
            .results
            .lock()
            .expect("nothing panics while it keeps results");
        own.extend(inner);
    }

    fn known_results(&self) -> HashMap<String, Arc<Value>> {
        self.results
            .lock()
            .expect("nothing panics while it reads results")
            .clone()
    }

    /// What an expression of one of this frame's steps can see.
    pub(super) fn scope(
        self: &Arc<Self>,
        previous_id: Option<&str>,
        names: Vec<(&'static str, Arc<Value>)>,
    ) -> Scope {
        Scope {
            flow_input: Arc::clone(&self.flow_input),
            flow_env: Arc::clone(&self.flow_env),
            project: Arc::clone(&self.run.plan.project),
            names,
            results: Arc::clone(self) as Arc<dyn Results>,
            previous_id: previous_id.map(str::to_owned),
        }
    }

    /// The rounds that it is in, the outermost first.
    pub(super) fn rounds(&self) -> Vec<usize> {
        let mut rounds = self.around.as_ref().map_or_else(Vec::new, |a| a.rounds());
        rounds.extend(self.round);
        rounds
    }

    /// Notes what was decided at a step, where the run is kept in memory.
    pub(super) fn decided(&self, step_id: &str, decision: Decision) {
        if let Some(ledger) = self.run.mill.records.ledger() {
            ledger.decide(self.root_flow, step_id, decision);
        }
    }
}

impl Frame {
    /// The same flow with other inputs, before its first step.
    pub(super) fn with_inputs(&self, flow_input: Arc<Map<String, Value>>) -> Arc<Self> {
        let status = self
            .status
            .lock()
            .expect("nothing panics while it changes a status");
        Arc::new(Self {
            run: Arc::clone(&self.run),
            job: self.job,
            around: self.around.clone(),
            root_flow: self.root_flow,
            within: Arc::clone(&self.within),
            round: self.round,
            path: self.path.clone(),
            flow_input,
            flow_env: Arc::clone(&self.flow_env),
            failure_module: self.failure_module.clone(),
            shared: self.shared.clone(),
            depth: self.depth,
            stop: Arc::clone(&self.stop),
            status: Mutex::new(status.clone()),
            status_written: Mutex::default(),
            results: Mutex::default(),
        })
    }
}

impl Results for Frame {
    fn result_of(&self, step_id: &str) -> Result<Arc<Value>, String> {
        let own = self
            .results
            .lock()
            .expect("nothing panics while it reads results")
            .get(step_id)
            .cloned();
        match (own, &self.around) {
            (Some(result), _) => Ok(result),
            (None, Some(around)) => around.result_of(step_id),
            (None, None) => Err(format!(
                "Not found: there is no result of a step {step_id:?}: no such step has run before this one"
            )),
        }
    }
}
