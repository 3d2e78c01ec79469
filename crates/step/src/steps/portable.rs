//! The steps that need the API alone, over any host: what runs where there are neither processes nor files.
//!
//! Always so: the arguments are read, the step is run and its result is written by the code that the executable uses.

use millwright_core::catalog::{Arguments, Object, Script, scripts};
use serde_json::Value;

use super::arguments::{bad, from_words};
use super::typed::typed;
use super::{
    StepError, emit_tasksgodzilla_codex_refs, finish_tasksgodzilla_codex_run, handle_feedback,
    protocol_plan_and_wait, protocol_select_next_step, spec_audit, step_execute_api,
    step_run_qa_api,
};
use crate::host::Host;

/// The names of steps, and the function that runs one of them.
macro_rules! portable {
    ($($step:ident),* $(,)?) => {
        /// The scripts whose steps [`run_portable`] runs.
        pub const PORTABLE: &[&str] = &[$(<scripts::$step::Args as Script>::NAME),*];

        /// Runs one of the [`PORTABLE`] steps, with the positional text of its arguments as bash would pass it.
        ///
        /// # Errors
        /// When there is no such step, the arguments are not the script's, and when the step fails.
        pub async fn run_portable<H: Host>(
            name: &str,
            words: &[String],
            host: &H,
        ) -> Result<Value, StepError> {
            match name {
                $(<scripts::$step::Args as Script>::NAME => {
                    let arguments = from_words(<scripts::$step::Args as Arguments>::ARGUMENTS, words)?;
                    carry_out(arguments, host, $step::run).await
                })*
                _ => Err(bad(format!("there is no step {name:?} that needs the API alone"))),
            }
        }
    };
}

portable![
    emit_tasksgodzilla_codex_refs,
    finish_tasksgodzilla_codex_run,
    protocol_plan_and_wait,
    protocol_select_next_step,
    step_execute_api,
    step_run_qa_api,
    handle_feedback,
    spec_audit,
];

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
        assert_eq!(PORTABLE, alone);
    }

    #[test]
    fn a_step_is_found_by_its_name_and_takes_what_bash_would_pass() {
        let words = ["null", "failed", "{\"message\":\"it broke\"}"].map(str::to_owned);
        let run = |name| block_on(run_portable(name, &words, &Double::new()));
        let closed = run("finish_tasksgodzilla_codex_run").unwrap();
        assert_eq!(closed["error"]["message"], "it broke");
        assert_eq!(closed["message"], "no run was registered");
        let unknown = run("open_pr").unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "there is no step \"open_pr\" that needs the API alone"
        );
    }
}
