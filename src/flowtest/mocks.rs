//! What takes the place of a flow's scripts in a test.
//!
//! Always so: a step without a mock ends the test and says what to write, unless such steps are to run.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use indexmap::IndexMap;
use jiff::SignedDuration;
use serde_json::{Map, Value};

use super::run::FoundStep;
use super::{Mock, Unmocked};
use crate::mill::{Act, Call, Reply, Runs, StandIn};

/// The mocks of a test, by the step's id.
pub(super) type Plan = IndexMap<String, Planned>;

/// What becomes of a step.
#[derive(Debug, Clone)]
pub(super) enum Planned {
    /// The same each time.
    Always(Reply),
    /// One after the other.
    Each(Vec<Reply>),
}

/// Mocks while a test runs.
pub(super) struct Mocks {
    plan: Plan,
    unmocked: Unmocked,
    state: Mutex<State>,
}

/// What has happened so far.
#[derive(Debug, Default)]
pub(super) struct State {
    /// How often each step was reached.
    pub(super) used: HashMap<String, usize>,
    /// The steps, in the order in which they began.
    pub(super) steps: Vec<FoundStep>,
    /// Why the test cannot go on.
    pub(super) complaint: Option<String>,
}

impl Mocks {
    pub(super) fn new(plan: Plan, unmocked: Unmocked) -> Self {
        Self {
            plan,
            unmocked,
            state: Mutex::default(),
        }
    }

    /// What has happened.
    pub(super) fn take_state(&self) -> State {
        std::mem::take(&mut self.state())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("nothing panics while it answers a step")
    }

    fn reply_of(&self, state: &mut State, call: &Call<'_>, id: &str) -> Result<Reply, String> {
        match (self.plan.get(id), call.runs) {
            (Some(planned), _) => planned.next(state, id),
            (None, Runs::Flow { known: true, .. }) => Ok(Act::Really.into()),
            (None, Runs::Script { known: true, .. }) if self.unmocked == Unmocked::Run => {
                Ok(Act::Really.into())
            }
            (None, runs) => Err(unmocked(id, runs)),
        }
    }
}

impl StandIn for Mocks {
    fn reply(&self, call: &Call<'_>) -> Reply {
        let id = format!("{}{}", call.within, call.step_id);
        let mut state = self.state();
        let reply = match self.reply_of(&mut state, call, &id) {
            Ok(reply) => reply,
            Err(complaint) => {
                state.complaint.get_or_insert(complaint);
                return Act::Cancel.into();
            }
        };
        let enters = matches!(call.runs, Runs::Flow { .. }) && reply.act == Act::Really;
        if !enters {
            let args = call.args.clone();
            state.steps.push(FoundStep { id, args });
        }
        reply
    }
}

impl Planned {
    fn next(&self, state: &mut State, id: &str) -> Result<Reply, String> {
        let used = state.used.entry(id.to_owned()).or_default();
        *used += 1;
        match self {
            Self::Always(reply) => Ok(reply.clone()),
            Self::Each(replies) => replies.get(*used - 1).cloned().ok_or_else(|| {
                let count = replies.len();
                format!(
                    "step `{id}` ran more often than its sequence has answers, which is {count}: add one, or give it a `value`"
                )
            }),
        }
    }

    /// How many answers were never given, of how many.
    pub(super) fn left(&self, used: usize) -> Option<(usize, usize)> {
        let all = match self {
            Self::Always(_) => 1,
            Self::Each(replies) => replies.len(),
        };
        (used < all).then(|| (all - used, all))
    }
}

fn unmocked(id: &str, runs: Runs<'_>) -> String {
    let what = match runs {
        Runs::Script { path: None, .. } => "the script written in the flow".to_owned(),
        Runs::Script {
            path: Some(path), ..
        } => path.to_owned(),
        Runs::Flow { path, .. } => format!("{path}, which is not there"),
    };
    format!(
        "step `{id}` has no mock and would run {what}. Say what becomes of it:\n    mocks:\n      {id}:\n        value: {{}}\nor let such steps really run: `unmocked: run`"
    )
}

impl Mock {
    /// What becomes of the step; else what is wrong with the mock.
    pub(super) fn planned(&self) -> Result<Planned, String> {
        match &self.sequence {
            None => self.reply().map(Planned::Always),
            Some(_) if self.deeds() != 0 || self.delay.is_some() => {
                Err("a `sequence` stands alone: delays and answers are inside it".to_owned())
            }
            Some(each) => {
                let replies: Result<Vec<Reply>, String> = each.iter().map(Self::reply).collect();
                replies.map(Planned::Each)
            }
        }
    }

    fn reply(&self) -> Result<Reply, String> {
        if self.sequence.is_some() {
            return Err("a `sequence` holds no other".to_owned());
        }
        if self.deeds() != 1 {
            let which = "`value`, `error`, `script`, `cancel`, `run` or `sequence`";
            return Err(format!(
                "a mock says one of {which}, and this says {}",
                self.deeds()
            ));
        }
        Ok(Reply {
            after: self.delay.as_deref().map_or(Ok(Duration::ZERO), duration)?,
            act: self.act()?,
        })
    }

    fn deeds(&self) -> usize {
        let said = [
            self.value.is_some(),
            self.error.is_some(),
            self.script.is_some(),
            self.cancel,
            self.run,
        ];
        said.into_iter().filter(|said| *said).count()
    }

    fn act(&self) -> Result<Act, String> {
        Ok(match (&self.value, &self.error, &self.script) {
            (Some(value), ..) => Act::Yield(value.clone()),
            (_, Some(error), _) => Act::Fail(error_of(error)?),
            (.., Some(script)) => Act::RunScript(script.clone()),
            _ if self.cancel => Act::Cancel,
            _ => Act::Really,
        })
    }
}

fn error_of(error: &Map<String, Value>) -> Result<Value, String> {
    if !error.get("message").is_some_and(Value::is_string) {
        return Err("an `error` has a `message`, which is a text".to_owned());
    }
    let mut whole = Map::from_iter([("name".to_owned(), "ExecutionErr".into())]);
    whole.extend(error.clone());
    Ok(whole.into())
}

/// A time such as `90s` or `2h 30m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed: Option<SignedDuration> = text.parse().ok();
    let positive = parsed.and_then(|time| Duration::try_from(time).ok());
    positive.ok_or_else(|| format!("{text:?} is no time: write one such as 90s or 2h 30m"))
}
