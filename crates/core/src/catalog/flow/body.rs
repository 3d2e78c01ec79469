//! A list of steps: a flow's, a loop's or a branch's.
//!
//! Always so: a step is checked when it is added, against what is there at that place.

use std::collections::BTreeSet;
use std::mem;

use super::{BuildError, Done, ScriptStep};
use crate::catalog::Script;
use crate::catalog::expr::{Code, Use};
use crate::openflow::{Identity, Module, ModuleValue};

/// A list of steps that is being built.
#[derive(Debug, Default)]
pub struct Body {
    pub(super) modules: Vec<Module>,
    pub(super) ledger: Ledger,
    /// The steps whose results are there.
    visible: BTreeSet<String>,
    /// The innermost loop around this list.
    round_of: Option<String>,
    /// The steps that stand right before a while loop around this list.
    before_while: BTreeSet<String>,
}

/// What holds for the whole flow.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    ids: BTreeSet<String>,
    inputs: BTreeSet<String>,
    pub(super) error: Option<BuildError>,
}

impl Ledger {
    pub(super) fn declare_input(&mut self, name: &str) {
        if !is_identifier(name) || name == "iter" {
            self.report(BuildError::BadInput(name.to_owned()));
        }
        if !self.inputs.insert(name.to_owned()) {
            self.report(BuildError::InputTaken(name.to_owned()));
        }
    }

    /// Keeps the first error: what comes after it may only follow from it.
    fn report(&mut self, error: BuildError) {
        self.error.get_or_insert(error);
    }
}

impl Body {
    /// Adds a step that calls a script.
    pub fn step<S: Script, R>(&mut self, id: &str, step: impl Into<ScriptStep<S, R>>) -> Done<R> {
        let step = step.into();
        self.take_id(id);
        let (before, after) = step.codes();
        for code in before {
            self.check(id, code, false);
        }
        if let Some(code) = after {
            self.check(id, code, true);
        }
        self.push(step.into_module(id));
        Done::new(id)
    }

    /// Adds a step that passes the result before on.
    pub fn identity(&mut self, id: &str, summary: &str) {
        self.take_id(id);
        self.push_value(id, summary, Identity::default());
    }

    pub(super) fn failure_module<S: Script, R>(&mut self, step: ScriptStep<S, R>) -> Module {
        for code in step.codes().0 {
            for one in code.uses().iter().filter(|one| **one != Use::Error) {
                self.check_use("failure", one, false);
            }
        }
        step.into_module("failure")
    }

    pub(super) fn push_value(&mut self, id: &str, summary: &str, value: impl Into<ModuleValue>) {
        let mut module = Module::new(id, value);
        module.summary = Some(summary.to_owned());
        self.push(module);
    }

    fn push(&mut self, module: Module) {
        self.visible.insert(module.id.clone());
        self.modules.push(module);
    }

    /// Takes an id for a step, before the steps inside of it take theirs.
    pub(super) fn take_id(&mut self, id: &str) {
        if !is_identifier(id) || ["failure", "preprocessor"].contains(&id) {
            self.ledger.report(BuildError::BadId(id.to_owned()));
        }
        if !self.ledger.ids.insert(id.to_owned()) {
            self.ledger.report(BuildError::IdTaken(id.to_owned()));
        }
    }

    /// Builds a list inside of this one.
    pub(super) fn inner<T>(
        &mut self,
        kind: Inner<'_>,
        fill: impl FnOnce(&mut Self) -> T,
    ) -> (Vec<Module>, T) {
        let mut inner = Self {
            modules: Vec::new(),
            ledger: mem::take(&mut self.ledger),
            visible: self.visible.clone(),
            round_of: self.round_of.clone(),
            before_while: self.before_while.clone(),
        };
        match kind {
            Inner::Branch => {}
            Inner::ForEach(id) => inner.round_of = Some(id.to_owned()),
            Inner::While(id) => {
                inner.round_of = Some(id.to_owned());
                let before = self.modules.last();
                inner
                    .before_while
                    .extend(before.map(|module| module.id.clone()));
            }
        }
        let filled = fill(&mut inner);
        self.ledger = inner.ledger;
        (inner.modules, filled)
    }

    pub(super) fn check(&mut self, id: &str, code: &Code, after: bool) {
        for one in code.uses() {
            self.check_use(id, one, after);
        }
    }

    fn check_use(&mut self, id: &str, one: &Use, after: bool) {
        let step = id.to_owned();
        let error = match one {
            Use::Step(wanted) if self.before_while.contains(wanted) => BuildError::ChangesMeaning {
                step,
                wanted: wanted.clone(),
            },
            Use::Step(wanted) if !self.visible.contains(wanted) => BuildError::NotBefore {
                step,
                wanted: wanted.clone(),
            },
            Use::Input(input) if !self.ledger.inputs.contains(input) => BuildError::UnknownInput {
                step,
                input: input.clone(),
            },
            Use::Round(wanted) if self.round_of.as_ref() != Some(wanted) => {
                BuildError::NotInRound {
                    step,
                    wanted: wanted.clone(),
                }
            }
            Use::OwnResult if !after => BuildError::OutOfPlace {
                step,
                what: "its own result",
            },
            Use::Error => BuildError::OutOfPlace {
                step,
                what: "the flow's error",
            },
            _ => return,
        };
        self.ledger.report(error);
    }
}

/// A name that can stand behind a dot in an expression.
fn is_identifier(name: &str) -> bool {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    plain && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// What kind of list is inside another.
#[derive(Debug, Clone, Copy)]
pub(super) enum Inner<'a> {
    Branch,
    ForEach(&'a str),
    While(&'a str),
}
