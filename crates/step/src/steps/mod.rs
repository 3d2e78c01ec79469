//! The steps: one file for each Windmill script, with the script's arguments and result from `core::catalog`.
//!
//! Always so: a step returns its result or a [`StepError`], never a result that means an error.

#[cfg(feature = "native")]
mod agent_log;
#[cfg(feature = "native")]
mod analyze_project;
pub(crate) mod arguments;
#[cfg(feature = "native")]
mod clone_repo;
#[cfg(feature = "native")]
mod discovery;
#[cfg(feature = "native")]
mod documents;
mod emit_tasksgodzilla_codex_refs;
#[cfg(feature = "native")]
mod entry;
mod error;
#[cfg(feature = "native")]
mod execute_step;
mod execution;
mod finish_tasksgodzilla_codex_run;
#[cfg(feature = "native")]
mod frameworks;
#[cfg(feature = "native")]
mod generate_plan;
#[cfg(feature = "native")]
mod generate_spec;
#[cfg(feature = "native")]
mod generate_tasks;
#[cfg(feature = "native")]
mod git;
mod handle_feedback;
#[cfg(feature = "native")]
mod initialize_speckit;
mod job;
#[cfg(feature = "native")]
mod open_pr;
#[cfg(feature = "native")]
mod plan_protocol;
pub mod portable;
#[cfg(feature = "native")]
mod project;
mod protocol_plan_and_wait;
mod protocol_select_next_step;
mod registration;
#[cfg(feature = "native")]
mod run_qa;
#[cfg(feature = "native")]
mod run_quality;
#[cfg(feature = "native")]
mod setup;
mod spec_audit;
mod step_execute_api;
mod step_run_qa_api;
mod typed;
#[cfg(feature = "native")]
mod worker;

#[cfg(feature = "native")]
use millwright_core::catalog::scripts;

#[cfg(feature = "native")]
pub use entry::{StepEntry, perform};
pub use error::StepError;

/// The entries of steps, each of which has a module here.
#[cfg(feature = "native")]
macro_rules! entries {
    ($($step:ident),* $(,)?) => {
        &[$(StepEntry::of::<scripts::$step::Args>(|arguments, host| {
            perform(arguments, host, $step::run)
        }),)*]
    };
}

/// Every step of this crate.
#[cfg(feature = "native")]
pub const ALL: &[StepEntry] = entries![
    emit_tasksgodzilla_codex_refs,
    finish_tasksgodzilla_codex_run,
    protocol_plan_and_wait,
    protocol_select_next_step,
    step_execute_api,
    step_run_qa_api,
    execute_step,
    run_qa,
    run_quality,
    open_pr,
    handle_feedback,
    clone_repo,
    analyze_project,
    initialize_speckit,
    spec_audit,
    generate_spec,
    generate_plan,
    generate_tasks,
    plan_protocol,
];
