//! One case: the flow runs, its steps do what the case says, and everything is noted.
//!
//! Always so: what a case does not name does what it mostly does: it ends well, with its results in turn, so that a loop that
//! waits for one of them ends.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use millwright_core::refs::JobId;
use serde_json::{Map, Value, json};

use super::case::{Case, Choice, Outcome};
use super::subject::{StepInfo, Subject, SubjectError};
use crate::mill::{Act, Call, Ending, NotedJob, Reply, Runs, Stage, StandIn, on_stages};

/// How many jobs a flow may begin in one case.
pub(super) const MOST_JOBS: usize = 20_000;

/// What happened in a case.
#[derive(Debug)]
pub struct Trace {
    /// The tries of steps, in the order in which they began.
    pub calls: Vec<TracedCall>,
    /// How the flow ended.
    pub ending: Ending,
    /// How long it took on its own clock.
    pub took: Duration,
    pub(super) jobs: Vec<NotedJob>,
}

/// A step that was tried.
#[derive(Debug, Clone)]
pub struct TracedCall {
    /// The step's id; of a step of a sub-flow `step/inner`.
    pub step: String,
    /// Which time it ran, from 1.
    pub time: usize,
    /// Which try of that it was, from 1.
    pub attempt: usize,
    /// What it did.
    pub outcome: Outcome,
    /// Its arguments.
    pub args: Map<String, Value>,
    /// Whether it has a time limit.
    pub(super) is_limited: bool,
}

/// Runs a case by itself.
///
/// # Errors
/// Where the case names what the flow has not, or the system does not do its part.
pub fn replay(subject: &Subject, case: &Case) -> Result<Trace, SubjectError> {
    check(subject, case).map_err(SubjectError::Case)?;
    let traces = on_stages(&subject.options, MOST_JOBS, &[case], |stage, case| {
        trace(stage, subject, case)
    })?;
    let one = traces.into_iter().next();
    one.ok_or_else(|| std::io::Error::other("the case did not run").into())
}

/// Runs a case on a stage.
pub(super) fn trace(stage: &Stage, subject: &Subject, case: &Case) -> Trace {
    let actor = Arc::new(Actor {
        steps: Arc::clone(&subject.steps),
        choices: case.choices.clone(),
        state: Mutex::default(),
    });
    let inputs = subject.inputs[case.inputs].clone();
    let rehearsed = stage.run(&subject.prepared, inputs, Arc::clone(&actor) as Arc<_>);
    let done = std::mem::take(&mut *actor.state.lock().expect("nothing panics while it acts"));
    Trace {
        calls: done.calls,
        ending: rehearsed.ending,
        took: rehearsed.took,
        jobs: rehearsed.ledger.take_jobs(),
    }
}

fn check(subject: &Subject, case: &Case) -> Result<(), String> {
    let sets = subject.inputs.len();
    if case.inputs >= sets {
        return Err(format!(
            "inputs={} of {sets} sets, counted from 0",
            case.inputs
        ));
    }
    for choice in &case.choices {
        let Some(info) = subject.steps.get(&choice.step) else {
            let known: Vec<&str> = subject.steps.keys().map(String::as_str).collect();
            return Err(format!(
                "no step {:?}; there are {}",
                choice.step,
                known.join(", ")
            ));
        };
        let count = info.values.len();
        if matches!(choice.outcome, Outcome::Value(number) if number >= count) {
            return Err(format!(
                "{} has the results value0 to value{}",
                choice.step,
                count - 1
            ));
        }
    }
    Ok(())
}

/// Does for the steps what a case says.
struct Actor {
    steps: Arc<BTreeMap<String, StepInfo>>,
    choices: Vec<Choice>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How often each step ran.
    times: HashMap<String, usize>,
    /// Of a step in its flow, round or branch: which time that was, and how often it was tried.
    tries: HashMap<(JobId, String), (usize, usize)>,
    calls: Vec<TracedCall>,
}

impl StandIn for Actor {
    fn reply(&self, call: &Call<'_>) -> Reply {
        if matches!(call.runs, Runs::Flow { known: true, .. }) {
            return Act::Really.into();
        }
        let step = format!("{}{}", call.within, call.step_id);
        let mut state = self.state.lock().expect("nothing panics while it acts");
        let (time, attempt) = state.count(call.parent, &step);
        let values = self.steps.get(&step).map_or(&[][..], |info| &info.values);
        let outcome = self.outcome(&step, time, attempt, values.len());
        let reply = reply_of(outcome, values, call.limit);
        state.calls.push(TracedCall {
            step,
            time,
            attempt,
            outcome,
            args: call.args.clone(),
            is_limited: call.limit.is_some(),
        });
        reply
    }
}

impl State {
    fn count(&mut self, within: JobId, step: &str) -> (usize, usize) {
        let known = self.tries.entry((within, step.to_owned())).or_default();
        if known.1 == 0 {
            let times = self.times.entry(step.to_owned()).or_default();
            *times += 1;
            known.0 = *times;
        }
        known.1 += 1;
        *known
    }
}

impl Actor {
    fn outcome(&self, step: &str, time: usize, attempt: usize, count: usize) -> Outcome {
        let mostly = Outcome::Value((time - 1) % count.max(1));
        let is_it =
            |choice: &&Choice| choice.step == step && choice.time.is_none_or(|one| one == time);
        // The last one counts: one for a certain time stands behind one for every time.
        match self
            .choices
            .iter()
            .rev()
            .find(is_it)
            .map(|choice| choice.outcome)
        {
            Some(Outcome::FailOnce) if attempt > 1 => mostly,
            Some(outcome) => outcome,
            None => mostly,
        }
    }
}

fn reply_of(outcome: Outcome, values: &[Value], limit: Option<Duration>) -> Reply {
    let failed = json!({"name": "ExecutionErr", "message": "the simulation fails this step"});
    match outcome {
        Outcome::Value(number) => {
            Act::Yield(values.get(number).cloned().unwrap_or_default()).into()
        }
        Outcome::Fail | Outcome::FailOnce => Act::Fail(failed).into(),
        Outcome::Cancel => Act::Cancel.into(),
        Outcome::TimeOut => Reply {
            after: limit.unwrap_or_default() + Duration::from_secs(1),
            act: Act::Fail(failed),
        },
    }
}
