//! The steps: one file for each Windmill script, with the script's arguments and result from `core::catalog`.
//!
//! Always so: a step returns its result or a [`StepError`], never a result that means an error.

mod agent_log;
mod analyze_project;
mod clone_repo;
mod documents;
mod emit_tasksgodzilla_codex_refs;
mod entry;
mod error;
mod execute_step;
mod execution;
mod finish_tasksgodzilla_codex_run;
mod frameworks;
mod generate_plan;
mod generate_spec;
mod generate_tasks;
mod git;
mod handle_feedback;
mod initialize_speckit;
mod job;
mod open_pr;
mod plan_protocol;
mod project;
mod protocol_plan_and_wait;
mod protocol_select_next_step;
mod registration;
mod run_qa;
mod run_quality;
mod spec_audit;
mod step_execute_api;
mod step_run_qa_api;
mod worker;

use millwright_core::catalog::scripts;

pub use entry::{StepEntry, perform};
pub use error::StepError;

/// The entries of steps, each of which has a module here.
macro_rules! entries {
    ($($step:ident),* $(,)?) => {
        &[$(StepEntry::of::<scripts::$step::Args>(|arguments, host| {
            perform(arguments, host, $step::run)
        }),)*]
    };
}

/// Every step of this crate.
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
