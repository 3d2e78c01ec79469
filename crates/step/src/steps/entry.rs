//! How the executable reaches a step: by name, with arguments and result as JSON.
//!
//! Always so: the types are the script's own, so what `core::catalog` says of a script is what its step takes and yields.

use millwright_core::catalog::{Argument, Object, Script};
use serde_json::Value;

use super::StepError;
use super::portable::carry_out;
use crate::host::{NativeHost, block_on};

/// One step of an executable.
#[derive(Debug, Clone, Copy)]
pub struct StepEntry {
    /// The script's name.
    pub name: &'static str,
    /// One short line.
    pub summary: &'static str,
    /// What it does, and when it fails.
    pub description: &'static str,
    /// Its arguments, in the order of positional text.
    pub arguments: &'static [Argument],
    /// What stands for arguments that are not given, by name.
    pub defaults: fn() -> Object,
    /// Runs it.
    pub run: fn(Object, &NativeHost) -> Result<Value, StepError>,
}

impl StepEntry {
    /// The step of a script. `run` is a closure around [`perform`].
    pub const fn of<S: Script>(run: fn(Object, &NativeHost) -> Result<Value, StepError>) -> Self {
        Self {
            name: S::NAME,
            summary: S::SUMMARY,
            description: S::DESCRIPTION,
            arguments: S::ARGUMENTS,
            defaults: S::defaults,
            run,
        }
    }
}

/// Runs a step to its end: JSON arguments to the script's types, the script's result to JSON.
///
/// # Errors
/// When the arguments are not the script's, and when the step fails.
pub fn perform<S: Script>(
    arguments: Object,
    host: &NativeHost,
    run: impl AsyncFnOnce(S, &NativeHost) -> Result<S::Output, StepError>,
) -> Result<Value, StepError> {
    block_on(carry_out(arguments, host, run))
}
