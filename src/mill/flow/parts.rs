//! Rounds and branches: steps inside a step, run as a job of their own.
//!
//! Always so: a part sees the flow's inputs and the results around it; its failure handler is the flow's, and has had
//! its turn when the part has failed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use millwright_core::openflow::{FlowValue, Module};
use millwright_core::refs::JobId;
use serde_json::{Map, Value, json};

use super::frame::{Frame, Run};
use super::journal::{Beginning, Finished, JobCard};
use super::outcome::{Ended, Failure, Handled};
use super::scripts::canceled;
use super::status::FlowStatus;
use super::step::Step;
use crate::mill::stop::{Cause, Stop};
use crate::store::StoreError;
use crate::store::jobs::JobKind;

/// What Windmill calls a flow that has no path, inside.
pub(super) const NO_PATH: &str = "tmp/main";

/// A round or branch that is about to run.
pub(super) struct Part<'a> {
    pub(super) job: JobId,
    pub(super) modules: &'a [Module],
    /// The steps, as JSON text, where that is kept.
    pub(super) raw_flow: Option<String>,
    /// Which round of a loop it is.
    pub(super) round: Option<usize>,
    pub(super) label: String,
    /// What it adds to the flow's path, such as `loop-0`.
    pub(super) suffix: String,
    pub(super) flow_input: Arc<Map<String, Value>>,
    pub(super) stop: &'a Arc<Stop>,
}

/// A round or branch that has ended.
pub(super) struct EndedPart {
    pub(super) ended: Ended,
    pub(super) frame: Arc<Frame>,
}

impl Step<'_> {
    /// Runs a round or branch as a job. `status` is that of the flow around it, where it is to be written.
    pub(super) async fn part(
        &self,
        part: Part<'_>,
        status: Option<String>,
    ) -> Result<EndedPart, StoreError> {
        let frame = self.inner_frame(&part);
        let kind = if self.frame.path.is_some() {
            JobKind::FlowNode
        } else {
            JobKind::FlowPreview
        };
        let beginning = frame.beginning(kind, part.label, part.raw_flow);
        let standing = self.standing(part.job);
        let card = JobCard::begin(standing, beginning, status, &frame.stop).await?;
        let ended = frame.run_steps(part.modules).await?;
        card.end(&frame.finished(&ended), None).await?;
        Ok(EndedPart { ended, frame })
    }

    fn inner_frame(&self, part: &Part<'_>) -> Arc<Frame> {
        let outer = self.frame;
        let path = outer.path.as_deref().unwrap_or(NO_PATH);
        Arc::new(Frame {
            run: Arc::clone(&outer.run),
            job: part.job,
            around: Some(Arc::clone(outer)),
            root_flow: outer.root_flow,
            within: Arc::clone(&outer.within),
            round: part.round,
            path: Some(format!("{path}/{}", part.suffix)),
            flow_input: Arc::clone(&part.flow_input),
            flow_env: Arc::clone(&outer.flow_env),
            failure_module: outer.failure_module.clone(),
            shared: self.shared(),
            depth: outer.depth + 1,
            stop: part.stop.child(),
            status: Mutex::new(FlowStatus::new(ids(part.modules))),
            status_written: Mutex::default(),
            results: Mutex::new(HashMap::new()),
        })
    }

    /// How the step ended, given how what it ran did and whether its own time was over.
    pub(super) fn unless_timed_out(&self, ended: Ended, stop: &Stop) -> Ended {
        match (self.frame.stop.cause(), stop.cause()) {
            (Some(_), _) => Ended::Canceled,
            (None, Some(Cause::TimedOut)) => {
                let message = "execution error:\njob process terminated due to timeout after exceeding job-specific duration limit";
                let error =
                    json!({"name": "ExecutionErr", "message": message, "step_id": self.module.id});
                Ended::failed(json!({"error": error}))
            }
            _ => ended,
        }
    }
}

impl Frame {
    /// What a flow's, round's or branch's job begins with.
    pub(super) fn beginning(
        &self,
        kind: JobKind,
        label: String,
        raw_flow: Option<String>,
    ) -> Beginning {
        Beginning {
            kind,
            path: self.path.clone(),
            script_hash: None,
            language: None,
            label,
            args: Arc::clone(&self.flow_input),
            raw_flow,
            flow_status: self.status_text(),
            queued: false,
        }
    }

    /// How the job of a flow, round or branch ended.
    pub(super) fn finished(&self, ended: &Ended) -> Finished {
        let (success, skipped, result, log) = match ended {
            Ended::Done(result) => (true, false, Arc::clone(result), WELL.to_owned()),
            Ended::Stopped { result, skipped } => {
                (true, *skipped, Arc::clone(result), EARLY.to_owned())
            }
            Ended::Failed(failure) => {
                let recovers = failure.handled.is_some_and(|handled| handled.recovers);
                (
                    recovers,
                    false,
                    Arc::clone(&failure.result),
                    words_of(failure),
                )
            }
            Ended::Canceled => {
                let result = Arc::new(canceled(self.stop.cause()));
                (false, false, result, CANCELED.to_owned())
            }
        };
        Finished {
            success,
            skipped,
            result,
            flow_status: self.status_text(),
            log,
        }
    }
}

const WELL: &str = "Flow job completed with success\n";
const BADLY: &str = "Flow job completed with error\n";
const EARLY: &str = "Flow job stopped early because of a stop early predicate returning true\n";
const CANCELED: &str = "Flow job canceled\n";

/// What a flow's log says of its failure.
fn words_of(failure: &Failure) -> String {
    match failure.handled {
        Some(Handled { success, recovers }) => {
            let end = if success { "success" } else { "error" };
            format!(
                "Flow job completed with error, and error handler was triggered.\n\
                 It completed with {end}, and with recover: {recovers}\n"
            )
        }
        None if failure.early => EARLY.to_owned(),
        None => BADLY.to_owned(),
    }
}

impl Run {
    /// The steps of a part as JSON text, as its job keeps them.
    pub(super) fn raw_flow_of(&self, modules: &[Module]) -> Option<String> {
        self.mill.records.text(|| {
            let value = FlowValue {
                modules: modules.to_vec(),
                ..FlowValue::default()
            };
            value.to_value().to_string()
        })
    }
}

pub(super) fn ids(modules: &[Module]) -> impl Iterator<Item = &str> {
    modules.iter().map(|module| module.id.as_str())
}
