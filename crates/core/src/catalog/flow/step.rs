//! A script called as a flow's step, and what is said around the call.
//!
//! Always so: a step has a time limit, and only a script that may be repeated can be retried.

use std::marker::PhantomData;

use indexmap::IndexMap;

use super::{Maybe, Unsure};
use crate::catalog::expr::{Code, Use};
use crate::catalog::info::path_of;
use crate::catalog::{Expr, IntoExpr, Script};
use crate::openflow::{Amount, Module, PathScript, Predicate, Retry, StopAfterIf};

/// Where a step's arguments come from.
#[derive(Debug, Clone, Default)]
pub struct Transforms(IndexMap<&'static str, Code>);

/// A script as a flow's step. `R` is what its result is known to be.
#[derive(Debug)]
pub struct ScriptStep<S: Script, R = <S as Script>::Output> {
    transforms: Transforms,
    settings: Settings,
    marker: PhantomData<fn() -> (S, R)>,
}

#[derive(Debug, Default)]
struct Settings {
    summary: Option<String>,
    retry: Option<Retry>,
    continue_on_error: bool,
    timeout: Option<Code>,
    skip_if: Option<Code>,
    stop_after_if: Option<(Code, Option<String>)>,
}

impl Transforms {
    /// With one more argument.
    #[must_use]
    pub fn with<T>(mut self, name: &'static str, value: &Expr<T>) -> Self {
        self.0.insert(name, value.code().clone());
        self
    }
}

impl<S: Script> ScriptStep<S> {
    /// Calls the script with these arguments.
    pub fn new(transforms: Transforms) -> Self {
        Self {
            transforms,
            settings: Settings::default(),
            marker: PhantomData,
        }
    }

    /// The flow goes on after its failure.
    pub fn continue_on_error(mut self) -> ScriptStep<S, Maybe<S::Output>> {
        self.settings.continue_on_error = true;
        self.yielding()
    }
}

impl<S: Script, R> ScriptStep<S, R> {
    /// What the step is for, in a few words. By default the script's summary.
    #[must_use]
    pub fn summary(mut self, summary: &str) -> Self {
        self.settings.summary = Some(summary.to_owned());
        self
    }

    /// Tries again, so often, after so many seconds each time.
    ///
    /// A script that may not be repeated cannot be retried:
    ///
    /// ```compile_fail
    /// use millwright_core::catalog::scripts::step_execute_api as execute;
    /// execute::call(1).step().retry(3, 5);
    /// ```
    #[must_use]
    pub fn retry(mut self, attempts: u64, seconds: u64) -> Self {
        const {
            assert!(S::IDEMPOTENT, "only an idempotent script can be retried");
        }
        self.settings.retry = Some(Retry::constant(attempts, seconds));
        self
    }

    /// Ends the step after so many seconds. By default the script's own limit.
    #[must_use]
    pub fn timeout(mut self, seconds: impl IntoExpr<i64>) -> Self {
        self.settings.timeout = Some(seconds.into_expr().code().clone());
        self
    }

    /// Passes the step over where this holds. Its result is then that of the step before.
    pub fn skip_if(mut self, condition: impl IntoExpr<bool>) -> ScriptStep<S, Unsure> {
        self.settings.skip_if = Some(condition.into_expr().code().clone());
        self.yielding()
    }

    /// Ends the loop around the step after it, or the flow, where this holds of its result.
    #[must_use]
    pub fn stop_after_if(mut self, condition: impl FnOnce(Expr<R>) -> Expr<bool>) -> Self {
        self.settings.stop_after_if = Some((own_result(condition), None));
        self
    }

    /// Fails the loop around the step, or the flow, with this message, where this holds of its result.
    #[must_use]
    pub fn fail_after_if(
        mut self,
        message: &str,
        condition: impl FnOnce(Expr<R>) -> Expr<bool>,
    ) -> Self {
        self.settings.stop_after_if = Some((own_result(condition), Some(message.to_owned())));
        self
    }

    fn yielding<Q>(self) -> ScriptStep<S, Q> {
        ScriptStep {
            transforms: self.transforms,
            settings: self.settings,
            marker: PhantomData,
        }
    }

    /// All that the step reads before it runs, and after.
    pub(super) fn codes(&self) -> (Vec<&Code>, Option<&Code>) {
        let settings = &self.settings;
        let before = self.transforms.0.values();
        let before = before.chain(&settings.timeout).chain(&settings.skip_if);
        let after = settings.stop_after_if.as_ref().map(|(code, _)| code);
        (before.collect(), after)
    }

    pub(super) fn into_module(self, id: &str) -> Module {
        let transforms = self.transforms.0.iter();
        let script = PathScript {
            path: path_of::<S>(),
            input_transforms: transforms
                .map(|(name, code)| ((*name).to_owned(), code.transform()))
                .collect(),
            ..PathScript::default()
        };
        let mut module = Module::new(id, script);
        let default_limit = Code::fixed(S::TIMEOUT_SECONDS.into());
        let limit = self.settings.timeout.unwrap_or(default_limit);
        module.timeout = Some(Amount::Computed(limit.transform()));
        module.summary = self.settings.summary.or(Some(S::SUMMARY.to_owned()));
        module.retry = self.settings.retry;
        module.continue_on_error = self.settings.continue_on_error.then_some(true);
        module.skip_if = self
            .settings
            .skip_if
            .map(|code| Predicate::new(code.alone()));
        module.stop_after_if = self
            .settings
            .stop_after_if
            .map(|(code, message)| StopAfterIf {
                skip_if_stopped: Some(false),
                error_message: message,
                ..StopAfterIf::new(code.alone())
            });
        module
    }
}

fn own_result<R>(condition: impl FnOnce(Expr<R>) -> Expr<bool>) -> Code {
    let result = Expr::of_code(Code::path("result", Use::OwnResult));
    condition(result).code().clone()
}
