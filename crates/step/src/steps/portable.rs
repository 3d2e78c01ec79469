//! The steps that need the API alone, over any host: what runs where there are neither processes nor files.
//!
//! Always so: the arguments are read, the step is run and its result is written by the code that the executable uses.

use millwright_core::catalog::{Arguments, Object, Script, scripts};
use serde_json::Value;

use super::StepError;
use super::arguments::from_words;
use super::typed::typed;
use crate::host::Host;

/// Each step in turn, for a macro that takes their names: the one list of them.
#[macro_export]
macro_rules! portable_steps {
    ($each:ident) => {
        $each! {
            emit_tasksgodzilla_codex_refs,
            finish_tasksgodzilla_codex_run,
            protocol_plan_and_wait,
            protocol_select_next_step,
            step_execute_api,
            step_run_qa_api,
            handle_feedback,
            spec_audit,
        }
    };
}

macro_rules! functions {
    ($($step:ident,)*) => {
        /// The scripts of the steps.
        pub const NAMES: &[&str] = &[$(<scripts::$step::Args as Script>::NAME),*];

        $(
            /// Runs the step, with the positional text of its arguments as bash would pass it.
            ///
            /// # Errors
            /// When the arguments are not the script's, and when the step fails.
            pub async fn $step(words: &[String], host: &impl Host) -> Result<Value, StepError> {
                let arguments = from_words(<scripts::$step::Args as Arguments>::ARGUMENTS, words)?;
                carry_out(arguments, host, super::$step::run).await
            }
        )*
    };
}

portable_steps!(functions);

/// Runs a step: JSON arguments to the script's types, the script's result to JSON.
pub(super) async fn carry_out<S: Script, H>(
    arguments: Object,
    host: &H,
    run: impl AsyncFnOnce(S, &H) -> Result<S::Output, StepError>,
) -> Result<Value, StepError> {
    let arguments = typed(arguments)?;
    let output = run(arguments, host).await?;
    serde_json::to_value(output).map_err(|error| {
        StepError::failed(format!("the result cannot be written as JSON: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use millwright_core::catalog::Reach;

    use super::*;
    use crate::host::block_on;
    use crate::host::double::Double;

    #[test]
    fn every_script_that_needs_the_api_alone_is_portable() {
        let all = scripts::all().into_iter();
        let alone = all.filter(|script| script.reach == Reach::Api);
        let alone: Vec<_> = alone.map(|script| script.name).collect();
        assert_eq!(NAMES, alone);
    }

    #[test]
    fn a_step_takes_what_bash_would_pass() {
        let words = ["null", "failed", "{\"message\":\"it broke\"}"].map(str::to_owned);
        let closed = block_on(finish_tasksgodzilla_codex_run(&words, &Double::new())).unwrap();
        assert_eq!(closed["error"]["message"], "it broke");
        assert_eq!(closed["message"], "no run was registered");
    }
}
