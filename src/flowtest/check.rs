//! What is wrong with tests, given their flow: steps that there are not, and mocks that say nothing or too much.
//!
//! Always so: every step that a file names is one of the flow's, or of a sub-flow's that is there.

use std::collections::BTreeMap;

use millwright_core::openflow::{Flow, Module, ModuleValue};

use super::error::{Problem, did_you_mean};
use super::mocks::{Plan, Planned};
use super::read::Loaded;
use super::{At, Mock, Test};
use crate::mill::{Act, Prepared, Reply};

/// The steps of a flow and of those that it leads to, by the ids that tests call them by.
pub(super) struct Steps(BTreeMap<String, Kind>);

/// What can be said of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It runs a script.
    Script,
    /// It runs a flow.
    Flow,
    /// It holds other steps, or passes on.
    Other,
}

impl Steps {
    pub(super) fn of(prepared: &Prepared) -> Self {
        let mut steps = Self(BTreeMap::new());
        steps.add(prepared.flow(), "", prepared);
        steps
    }

    fn add(&mut self, flow: &Flow, within: &str, prepared: &Prepared) {
        let mut inner = Vec::new();
        flow.value.walk("", &mut |_, module: &Module| {
            let id = format!("{within}{}", module.id);
            let kind = match &module.value {
                ModuleValue::Script(_) | ModuleValue::RawScript(_) => Kind::Script,
                ModuleValue::Flow(flow) => {
                    inner.push((format!("{id}/"), flow.path.clone()));
                    Kind::Flow
                }
                _ => Kind::Other,
            };
            self.0.insert(id, kind);
        });
        for (within, path) in inner {
            if let Some(flow) = prepared.sub_flow(&path) {
                self.add(&flow, &within, prepared);
            }
        }
    }

    /// Why it cannot be told whether a step ran.
    fn not_seen(&self, id: &str) -> Option<String> {
        if matches!(self.0.get(id), Some(Kind::Other)) {
            return Some(format!(
                "step {id:?} runs no script and no flow: name the steps inside of it or after it"
            ));
        }
        self.unknown(id)
    }

    /// Why an id is none of a step.
    fn unknown(&self, id: &str) -> Option<String> {
        if self.0.contains_key(id) {
            return None;
        }
        let hint = did_you_mean(id, self.0.keys().map(String::as_str));
        let known: Vec<&str> = self.0.keys().map(String::as_str).collect();
        Some(if hint.is_empty() {
            format!("there is no step {id:?}; there are {}", known.join(", "))
        } else {
            format!("there is no step {id:?}{hint}")
        })
    }
}

/// Everything that is wrong with a file's tests.
pub(super) fn problems(loaded: &Loaded, steps: &Steps) -> Vec<Problem> {
    let mut found: Vec<(u64, String)> = Vec::new();
    for (id, mock) in &loaded.tests.mocks {
        found.extend(wrong_mock(id, mock, steps).map(|message| (id.line, message)));
    }
    let mut names: Vec<&str> = Vec::new();
    for test in &loaded.tests.tests {
        if names.contains(&test.name.as_str()) {
            let message = format!("another test has the name {:?} as well", test.name.value);
            found.push((test.name.line, message));
        }
        names.push(&test.name);
        found.extend(wrong_test(test, steps));
    }
    let problem = |(line, message)| Problem {
        file: loaded.file.clone(),
        line: Some(line),
        message,
    };
    found.into_iter().map(problem).collect()
}

fn wrong_test(test: &Test, steps: &Steps) -> Vec<(u64, String)> {
    let mut found = Vec::new();
    for (id, mock) in &test.mocks {
        found.extend(wrong_mock(id, mock, steps).map(|message| (id.line, message)));
    }
    let Some(expect) = &test.expect else {
        return found;
    };
    for step in expect.steps.iter().flatten() {
        found.extend(steps.not_seen(&step.id).map(|message| (step.line, message)));
    }
    for id in &expect.not_run {
        found.extend(steps.not_seen(id).map(|message| (id.line, message)));
    }
    for pointer in expect.result_at.keys() {
        if !pointer.is_empty() && !pointer.starts_with('/') {
            let message = format!("{pointer:?} is no JSON pointer: write /{pointer}");
            found.push((test.name.line, message));
        }
    }
    if let Some(Err(message)) = expect.took.as_deref().map(super::mocks::duration) {
        found.push((test.name.line, message));
    }
    found
}

fn wrong_mock(id: &str, mock: &Mock, steps: &Steps) -> Option<String> {
    if let Some(message) = steps.unknown(id) {
        return Some(message);
    }
    let planned = match mock.planned() {
        Ok(planned) => planned,
        Err(message) => return Some(format!("the mock of `{id}`: {message}")),
    };
    match steps.0[id] {
        Kind::Script => None,
        Kind::Flow => planned
            .runs_script()
            .then(|| format!("`{id}` runs a flow: a script cannot take its place, a `value` can")),
        Kind::Other => Some(format!(
            "`{id}` runs no script: mock the steps inside it, or those that decide"
        )),
    }
}

impl Planned {
    fn runs_script(&self) -> bool {
        let is_script = |reply: &Reply| matches!(reply.act, Act::RunScript(_));
        match self {
            Self::Always(reply) => is_script(reply),
            Self::Each(replies) => replies.iter().any(is_script),
        }
    }
}

/// The mocks of a test: its own, and the file's for all other steps.
pub(super) fn plan_of<'a>(
    shared: impl Iterator<Item = (&'a At<String>, &'a Mock)>,
    own: impl Iterator<Item = (&'a At<String>, &'a Mock)>,
) -> Plan {
    let planned = |(id, mock): (&At<String>, &Mock)| {
        let planned = mock.planned().expect("mocks were checked before");
        (id.value.clone(), planned)
    };
    let mut plan: Plan = shared.map(planned).collect();
    plan.extend(own.map(planned));
    plan
}
