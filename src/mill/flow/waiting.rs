//! What lies between a step and the next: waiting for people, then for time.
//!
//! Always so: a flow waits after a step that ended well and before another one, never after its last; while it waits it
//! holds nothing that others need.

use std::sync::Arc;
use std::time::Duration;

use millwright_core::openflow::{Module, Suspend, Transform};
use millwright_core::refs::JobId;
use serde_json::Value;

use super::frame::Frame;
use super::outcome::Ended;
use super::status::StepState;
use crate::mill::event::{Change, Event, Waits};
use crate::mill::expression::{Results, Scope};
use crate::mill::worker::failed;
use crate::store::StoreError;
use crate::store::jobs::Resume;

/// How long people have where nothing is said.
const HALF_AN_HOUR: u64 = 30 * 60;

/// What people answered, as expressions of the next step see it.
#[derive(Debug, Default)]
pub(super) struct Resumed {
    /// All that was said, the last thing last.
    said: Vec<Value>,
    /// Who said it.
    approvers: Vec<Value>,
}

/// What comes of the answers so far.
enum Agreed {
    /// The flow goes on.
    On(Resumed),
    /// It does not.
    Not(Value),
}

impl Resumed {
    /// `resume`, `resumes` and `approvers`, as far as an expression names them.
    pub(super) fn names(this: Option<&Self>, expression: &str) -> Vec<(&'static str, Arc<Value>)> {
        let mut names = Vec::new();
        if !expression.contains("resume") && !expression.contains("approvers") {
            return names;
        }
        let nothing = Self::default();
        let Self { said, approvers } = this.unwrap_or(&nothing);
        let last = said.last().cloned().unwrap_or_default();
        names.push(("resume", Arc::new(last)));
        names.push(("resumes", Arc::new(said.clone().into())));
        names.push(("approvers", Arc::new(approvers.clone().into())));
        names
    }
}

impl Frame {
    /// Waits between a step and the one at `index`, of this id; before one that had begun in an earlier process it does not sleep. `previous` is the result so far.
    pub(super) async fn between(
        self: &Arc<Self>,
        before: &Module,
        (index, id): (usize, &str),
        previous: &Arc<Value>,
    ) -> Result<Result<Option<Resumed>, Ended>, StoreError> {
        let suspend = before.suspend.as_ref();
        let resumed = match suspend.filter(|suspend| suspend.required_events.unwrap_or(0) > 0) {
            None => None,
            Some(suspend) => match self.people(before, suspend, index).await? {
                Ok(resumed) => resumed,
                Err(ended) => return Ok(Err(ended)),
            },
        };
        let slept = match &before.sleep {
            Some(transform) if !self.knows_next(id) => self.sleep(transform, previous).await,
            _ => Ok(()),
        };
        Ok(slept.map(|()| resumed))
    }

    /// Waits until enough people have agreed after a step that ended well.
    async fn people(
        self: &Arc<Self>,
        before: &Module,
        suspend: &Suspend,
        index: usize,
    ) -> Result<Result<Option<Resumed>, Ended>, StoreError> {
        let mut ended_well = None;
        self.change(|status| {
            let step = &status.modules[index - 1];
            ended_well = (step.state == StepState::Success).then_some(step.job);
        });
        let Some(job) = ended_well else {
            return Ok(Ok(None));
        };
        let job = job.unwrap_or(self.job);
        let agreed = self.agreed(before, suspend, index, job).await?;
        let (state, outcome) = match agreed {
            None => return Ok(Err(Ended::Canceled)),
            Some((given, Agreed::On(resumed))) => {
                let approvers = given.iter().map(approver_of).collect();
                self.change(|status| status.modules[index - 1].approvers = approvers);
                (StepState::Waiting, Ok(Some(resumed)))
            }
            Some((_, Agreed::Not(error))) => (StepState::Failure, Err(Ended::failed(error))),
        };
        self.change(|status| status.modules[index].state = state);
        self.write_status(self.status_text()).await?;
        Ok(outcome)
    }

    /// The answers with what comes of them; `None` where the flow is to end meanwhile.
    async fn agreed(
        self: &Arc<Self>,
        before: &Module,
        suspend: &Suspend,
        index: usize,
        job: JobId,
    ) -> Result<Option<(Vec<Resume>, Agreed)>, StoreError> {
        let mill = &self.run.mill;
        if mill.records.ledger().is_some() {
            // Nobody is there to be asked: all agree.
            return Ok(Some((Vec::new(), Agreed::On(Resumed::default()))));
        }
        let mut ear = mill.answers.ear();
        let given = mill.records.resumes(job, self.job).await?;
        if let Some(agreed) = outcome_of(suspend, &given, false) {
            return Ok(Some((given, agreed)));
        }
        let waits = waits_of(before, suspend);
        let count = waits.required;
        let mut time = std::pin::pin!(tokio::time::sleep(waits.limit));
        let waiting = StepState::WaitingForEvents { count, job };
        self.change(|status| status.modules[index].state = waiting);
        self.write_status(self.status_text()).await?;
        self.tell_waits(waits);
        loop {
            let is_over = tokio::select! {
                () = ear.heard() => false,
                () = &mut time => true,
                () = self.stop.wished() => return Ok(None),
            };
            let given = mill.records.resumes(job, self.job).await?;
            if let Some(agreed) = outcome_of(suspend, &given, is_over) {
                return Ok(Some((given, agreed)));
            }
        }
    }

    fn tell_waits(&self, waits: Waits) {
        self.run.mill.tell(Event {
            root: self.run.root,
            job: self.job,
            parent: self.around.as_ref().map(|around| around.job),
            depth: self.depth,
            label: waits.step_id.clone(),
            change: Change::Waits(waits),
        });
    }

    /// Sleeps as long as a step says, a number or an expression that yields one.
    async fn sleep(
        self: &Arc<Self>,
        transform: &Transform,
        previous: &Arc<Value>,
    ) -> Result<(), Ended> {
        let time = match transform {
            Transform::Static(value) => value.clone(),
            Transform::Javascript(expression) => {
                let scope = self.scope_without_results(previous);
                let value = self.run.mill.engine.value_of(expression, &scope).await;
                value.map_err(|error| {
                    let why = "Expected a number value, had error instead";
                    Ended::broken_condition(format_args!("{why}: {error}"))
                })?
            }
            Transform::Other(_) => Value::Null,
        };
        let time = time_of(&time).map_err(Ended::broken_condition)?;
        tokio::select! {
            () = tokio::time::sleep(time) => Ok(()),
            () = self.stop.wished() => Err(Ended::Canceled),
        }
    }

    /// What an expression sees that Windmill shows no results of other steps.
    pub(super) fn scope_without_results(&self, previous: &Arc<Value>) -> Scope {
        Scope {
            flow_input: Arc::clone(&self.flow_input),
            flow_env: Arc::clone(&self.flow_env),
            project: Arc::clone(&self.run.plan.project),
            names: vec![
                ("result", Arc::clone(previous)),
                ("previous_result", Arc::clone(previous)),
            ],
            results: Arc::new(NoResults) as Arc<dyn Results>,
            previous_id: None,
        }
    }
}

/// Where Windmill shows no results of other steps.
struct NoResults;

impl Results for NoResults {
    fn result_of(&self, step_id: &str) -> Result<Arc<Value>, String> {
        Err(format!(
            "results is not defined: here Windmill shows no results of steps, such as {step_id:?}; use previous_result"
        ))
    }
}

fn waits_of(before: &Module, suspend: &Suspend) -> Waits {
    let form = suspend.resume_form.as_ref();
    Waits {
        step_id: before.id.clone(),
        required: suspend.required_events.unwrap_or(0),
        limit: Duration::from_secs(suspend.timeout.unwrap_or(HALF_AN_HOUR)),
        hide_cancel: suspend.hide_cancel == Some(true),
        form: form.and_then(|form| form.schema.clone()),
    }
}

/// What comes of the answers; `None` where more are waited for.
fn outcome_of(suspend: &Suspend, given: &[Resume], is_over: bool) -> Option<Agreed> {
    let refused = given.iter().find(|resume| !resume.approved);
    let required = usize::try_from(suspend.required_events.unwrap_or(0)).unwrap_or(usize::MAX);
    let mut resumed = Resumed {
        said: given.iter().map(said_in).collect(),
        approvers: given
            .iter()
            .map(|resume| name_of(resume, "anonymous").into())
            .collect(),
    };
    if refused.is_none() && given.len() >= required {
        return Some(Agreed::On(resumed));
    }
    let error = match refused {
        Some(refused) => {
            let by = name_of(refused, "unknown");
            failed("SuspendedDisapproved", &format!("Disapproved by {by}"))
        }
        None if is_over => failed("SuspendedTimedOut", "Timed out waiting to be resumed"),
        None => return None,
    };
    if suspend.continue_on_disapprove_timeout == Some(true) {
        resumed.said.push(error);
        return Some(Agreed::On(resumed));
    }
    Some(Agreed::Not(error))
}

fn said_in(resume: &Resume) -> Value {
    serde_json::from_str(&resume.value).unwrap_or_default()
}

fn name_of(resume: &Resume, nobody: &str) -> String {
    resume.approver.clone().unwrap_or_else(|| nobody.to_owned())
}

fn approver_of(resume: &Resume) -> (u32, String) {
    (resume.resume_id, name_of(resume, "unknown"))
}

/// Whole seconds, or seconds with a fraction.
fn time_of(value: &Value) -> Result<Duration, String> {
    let unexpected = || format!("Expected an integer, found: {value}");
    let Value::Number(number) = value else {
        return Err(unexpected());
    };
    if let Some(seconds) = number.as_u64() {
        return Ok(Duration::from_secs(seconds));
    }
    let seconds = number
        .as_f64()
        .filter(|_| number.is_f64())
        .ok_or_else(unexpected)?;
    Ok(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_is_whole_seconds_or_has_a_fraction() {
        assert_eq!(time_of(&json!(3)), Ok(Duration::from_secs(3)));
        assert_eq!(time_of(&json!(0.25)), Ok(Duration::from_millis(250)));
        assert_eq!(time_of(&json!(-0.5)), Ok(Duration::ZERO));
        for no in [json!(-1), json!("1"), json!(null)] {
            assert_eq!(
                time_of(&no),
                Err(format!("Expected an integer, found: {no}"))
            );
        }
    }
}
