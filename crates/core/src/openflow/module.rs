//! One step of a flow: its value, and what is decided around it.
//!
//! Always so: arguments are inside [`ModuleValue`], never beside it, where Windmill drops them without a word.

use serde_json::Value;

use super::node::node;
use super::{Amount, ModuleValue, Suspend, Transform};

node! {
    /// One step of a flow.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Module {
        /// Its name, by which `results.<id>` finds its result.
        id: String,
        /// What it is for, in a few words.
        summary: Option<String>,
        /// What it does.
        value: ModuleValue,
        /// Whether it is passed over.
        skip_if: Option<Predicate>,
        /// Whether the flow, or the loop around it, ends after it.
        stop_after_if: Option<StopAfterIf>,
        /// Of a loop: whether the flow ends after all of its rounds.
        stop_after_all_iters_if: Option<StopAfterIf>,
        /// Whether and when a failure is tried again.
        retry: Option<Retry>,
        /// Whether the flow goes on after its failure.
        continue_on_error: Option<bool>,
        /// How many seconds it may take.
        timeout: Option<Amount>,
        /// A result that stands in for running it.
        mock: Option<Mock>,
        /// How many seconds the flow waits after it, before the next step.
        sleep: Option<Transform>,
        /// Whether the flow waits for people after it.
        suspend: Option<Suspend>,
        /// For how many seconds its result is kept, for the same arguments.
        cache_ttl: Option<u64>,
    }
}

node! {
    /// `{"expr": …}`: an expression that counts as true or false.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Predicate {
        /// The expression.
        expr: String,
    }
}

node! {
    /// When to end early.
    #[derive(Debug, Clone, PartialEq)]
    pub struct StopAfterIf {
        /// The expression, over `result` and `flow_input`.
        expr: String,
        /// Whether the flow then counts as skipped.
        skip_if_stopped: Option<bool>,
        /// With it, the flow fails and says this.
        error_message: Option<String>,
    }
}

node! {
    /// Whether and when a failed step is tried again.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct Retry {
        /// After the same time each time.
        constant: Option<ConstantRetry>,
        /// After ever longer times, once the constant attempts are used up.
        exponential: Option<ExponentialRetry>,
        /// Only where this holds, over `result` and `error`.
        retry_if: Option<Predicate>,
    }
}

node! {
    /// Tries after the same time each time.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ConstantRetry {
        /// How many tries there are after the first.
        attempts: Option<u64>,
        /// Seconds before each.
        seconds: Option<u64>,
    }
}

node! {
    /// Tries after ever longer times: `multiplier * seconds ^ try`.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ExponentialRetry {
        /// How many tries there are after the first.
        attempts: Option<u64>,
        /// The factor.
        multiplier: Option<u64>,
        /// The base.
        seconds: Option<u64>,
        /// By how many percent the time varies by chance.
        random_factor: Option<u64>,
    }
}

node! {
    /// A result that stands in for running the step.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct Mock {
        /// Whether it does.
        enabled: Option<bool>,
        /// The result; absent means null.
        return_value: Option<Value>,
    }
}

impl Module {
    /// A step that does `value`, with nothing decided around it.
    pub fn new(id: impl Into<String>, value: impl Into<ModuleValue>) -> Self {
        Self {
            id: id.into(),
            summary: None,
            value: value.into(),
            skip_if: None,
            stop_after_if: None,
            stop_after_all_iters_if: None,
            retry: None,
            continue_on_error: None,
            timeout: None,
            mock: None,
            sleep: None,
            suspend: None,
            cache_ttl: None,
            other: serde_json::Map::new(),
        }
    }
}

impl Predicate {
    /// A predicate of this expression.
    pub fn new(expression: impl Into<String>) -> Self {
        Self {
            expr: expression.into(),
            other: serde_json::Map::new(),
        }
    }
}

impl StopAfterIf {
    /// Ends early, and well, where the expression holds.
    pub fn new(expression: impl Into<String>) -> Self {
        Self {
            expr: expression.into(),
            skip_if_stopped: None,
            error_message: None,
            other: serde_json::Map::new(),
        }
    }
}

impl Retry {
    /// `attempts` more tries, `seconds` apart.
    pub fn constant(attempts: u64, seconds: u64) -> Self {
        Self {
            constant: Some(ConstantRetry {
                attempts: Some(attempts),
                seconds: Some(seconds),
                ..ConstantRetry::default()
            }),
            ..Self::default()
        }
    }
}
