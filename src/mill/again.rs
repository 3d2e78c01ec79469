//! Runs that go on after their process is gone, and runs that begin again in the middle of another.
//!
//! Always so: the flow is the one that ran, as it is kept with its job; what has ended is not run again.

use std::collections::HashSet;
use std::sync::Arc;

use millwright_core::openflow::Flow;
use millwright_core::refs::JobId;
use serde_json::{Map, Value, json};

use super::flow::{FlowTask, Recorded, Run};
use super::owner::{self, GONE};
use super::plan::Plan;
use super::{Mill, MillError, MillOptions, Started};
use crate::store::jobs::{self, Inputs, Job, JobState};
use crate::store::{Store, StoreError};

/// A run as the database has it.
struct Past {
    job: Job,
    inputs: Inputs,
    /// Its steps and theirs, the oldest first.
    beneath: Vec<Job>,
}

impl Mill {
    /// Sets up a mill, and goes on with the flows whose process ended before they did. A step that was running then has
    /// failed: the flow tries it again, goes on or fails as it says. What cannot go on has failed, and says why.
    ///
    /// # Errors
    /// As [`Mill::start`].
    pub async fn take_up(
        store: Store,
        options: MillOptions,
    ) -> Result<(Self, Vec<Started>), MillError> {
        let mill = Self::set_up(store, options)?;
        let gone = owner::abandoned(mill.store()).await?;
        let (flows, others) = parted(mill.store(), gone).await?;
        owner::end_all(mill.store(), others, GONE.to_owned()).await?;
        let mut started = Vec::new();
        for root in flows {
            match mill.go_on(root).await {
                Ok(begun) => started.push(begun),
                Err(reason) => {
                    let reason = format!("{GONE}, and it cannot go on: {reason}");
                    owner::end_run(mill.store(), root, &reason).await;
                }
            }
        }
        Ok((mill, started))
    }

    /// Starts a flow again at one of its steps, with what an earlier run of it had before that step: the flow as it ran then,
    /// with its arguments.
    ///
    /// # Errors
    /// [`MillError::NotAgain`] where there is no such run or step, or the run had not come so far; as [`Mill::run_flow`].
    pub async fn run_from(&self, job: JobId, step_id: &str) -> Result<Started, MillError> {
        let not = |reason: String| MillError::NotAgain { job, reason };
        let past = Past::read(self.store(), job)
            .await
            .map_err(|error| match error {
                StoreError::NotFound(_) => not("the database does not know it".to_owned()),
                error => error.into(),
            })?;
        if past.job.state != JobState::Completed {
            return Err(not("it has not ended".to_owned()));
        }
        let flow = past.flow().map_err(not)?;
        let before = past.steps_before(&flow, step_id).map_err(not)?;
        let plan = past.plan(&flow, &self.inner.options)?;
        let (path, args) = (past.job.path.clone(), past.args());
        let root = super::new_job_id();
        let recorded = Recorded::of(past.moved_beneath(root, &before));
        let run = Run::with(Arc::clone(&self.inner), Arc::new(plan), root, recorded);
        let task = FlowTask::new(run, Arc::new(flow), path.as_deref(), args);
        self.begin(task.from(job, step_id), Vec::new()).await
    }

    /// Goes on with a flow whose process is gone.
    async fn go_on(&self, root: JobId) -> Result<Started, String> {
        let past = Past::read(self.store(), root)
            .await
            .map_err(|error| error.to_string())?;
        let flow = past.flow()?;
        if flow.value.same_worker == Some(true) {
            return Err("the folder that its steps shared is gone".to_owned());
        }
        let plan = past
            .plan(&flow, &self.inner.options)
            .map_err(|error| error.to_string())?;
        let preprocesses = past.preprocesses();
        let (path, args) = (past.job.path.clone(), past.args());
        let recorded = Recorded::of(past.beneath).beneath(root);
        let run = Run::with(Arc::clone(&self.inner), Arc::new(plan), root, recorded);
        let task = FlowTask::new(run, Arc::new(flow), path.as_deref(), args);
        let task = if preprocesses {
            task.preprocessed()
        } else {
            task
        };
        self.begin(task, Vec::new())
            .await
            .map_err(|error| error.to_string())
    }
}

impl Past {
    async fn read(store: &Store, job: JobId) -> Result<Self, StoreError> {
        let read = move |connection: &rusqlite::Connection| {
            Ok(Self {
                job: jobs::get(connection, job)?,
                inputs: jobs::inputs(connection, job)?,
                beneath: jobs::beneath(connection, job, true)?,
            })
        };
        store.read(read).await
    }

    fn flow(&self) -> Result<Flow, String> {
        let kept = self.inputs.raw_flow.as_deref();
        let kept = kept.filter(|_| self.job.parent.is_none());
        let kept = kept.ok_or("it is the outermost job of no flow")?;
        let value: Value = serde_json::from_str(kept).map_err(|error| error.to_string())?;
        Flow::from_value(json!({"summary": self.job.path, "value": value}))
            .map_err(|error| error.to_string())
    }

    fn args(&self) -> Map<String, Value> {
        serde_json::from_str(&self.inputs.args).unwrap_or_default()
    }

    fn plan(&self, flow: &Flow, options: &MillOptions) -> Result<Plan, MillError> {
        Plan::of_flow(flow, self.job.path.as_deref(), &self.args(), options)
    }

    fn status(&self) -> Value {
        let status = self.job.flow_status.as_deref();
        status
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }

    /// Whether it was begun with its preprocessor, whose inputs are not written yet.
    fn preprocesses(&self) -> bool {
        self.status()["preprocessor_module"].is_object() && !self.job.preprocessed
    }

    /// The ids of the steps before one, where the run had come past all of them.
    fn steps_before(&self, flow: &Flow, step_id: &str) -> Result<HashSet<String>, String> {
        let ids = flow.value.modules.iter().map(|module| module.id.as_str());
        let ids: Vec<&str> = ids.collect();
        let index = ids.iter().position(|id| *id == step_id).ok_or_else(|| {
            format!(
                "its flow has no step {step_id:?} on the outermost level: it has {}",
                ids.join(", ")
            )
        })?;
        let status = self.status();
        let is_past = |number: usize| {
            let state = status["modules"][number]["type"].as_str();
            matches!(state, Some("Success" | "Failure"))
        };
        match (0..index).find(|number| !is_past(*number)) {
            Some(number) => Err(format!(
                "it did not come past {:?}, which is before {step_id:?}",
                ids[number]
            )),
            None => Ok(ids[..index].iter().map(|id| (*id).to_owned()).collect()),
        }
    }

    /// What the run had before a step, as what a new run has behind it.
    fn moved_beneath(self, root: JobId, before: &HashSet<String>) -> Vec<Job> {
        let old = self.job.id;
        let mut kept = HashSet::new();
        let mut jobs = Vec::new();
        for mut job in self.beneath {
            let is_before = job.step_id.as_ref().is_some_and(|id| before.contains(id));
            let belongs = match job.parent {
                Some(parent) if parent == old => is_before,
                Some(parent) => kept.contains(&parent),
                None => false,
            };
            if belongs {
                kept.insert(job.id);
                if job.parent == Some(old) {
                    job.parent = Some(root);
                }
                jobs.push(job);
            }
        }
        jobs
    }
}

/// The flows among jobs whose process is gone that are inside of no other job, and what belongs to none of them.
async fn parted(store: &Store, gone: Vec<JobId>) -> Result<(Vec<JobId>, Vec<JobId>), StoreError> {
    let read = move |connection: &rusqlite::Connection| {
        let mut jobs = Vec::new();
        for id in gone {
            jobs.push(jobs::get(connection, id)?);
        }
        let flows: HashSet<JobId> = jobs
            .iter()
            .filter(|job| job.parent.is_none() && job.kind.is_flow())
            .map(|job| job.id)
            .collect();
        let others = jobs.iter().filter(|job| !flows.contains(&job.root));
        let others = others.map(|job| job.id).collect();
        let mut flows: Vec<JobId> = flows.into_iter().collect();
        flows.sort();
        Ok((flows, others))
    };
    store.read(read).await
}
