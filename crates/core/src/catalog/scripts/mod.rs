//! The Windmill scripts: one file each, with the types of its arguments and its result.
//!
//! Always so: a script's `Args` is what implements [`Script`](super::Script), and every script is in [`all`].

pub mod analyze_project;
pub mod clone_repo;
pub mod emit_tasksgodzilla_codex_refs;
pub mod execute_step;
pub mod finish_tasksgodzilla_codex_run;
pub mod generate_plan;
pub mod generate_spec;
pub mod generate_tasks;
pub mod handle_feedback;
pub mod initialize_speckit;
pub mod open_pr;
pub mod plan_protocol;
pub mod protocol_plan_and_wait;
pub mod protocol_select_next_step;
mod records;
pub mod run_qa;
pub mod run_quality;
pub mod spec_audit;
pub mod step_execute_api;
pub mod step_run_qa_api;

use super::ScriptInfo;

/// Every script.
pub fn all() -> Vec<ScriptInfo> {
    vec![
        ScriptInfo::of::<emit_tasksgodzilla_codex_refs::Args>(),
        ScriptInfo::of::<finish_tasksgodzilla_codex_run::Args>(),
        ScriptInfo::of::<protocol_plan_and_wait::Args>(),
        ScriptInfo::of::<protocol_select_next_step::Args>(),
        ScriptInfo::of::<step_execute_api::Args>(),
        ScriptInfo::of::<step_run_qa_api::Args>(),
        ScriptInfo::of::<execute_step::Args>(),
        ScriptInfo::of::<run_qa::Args>(),
        ScriptInfo::of::<plan_protocol::Args>(),
        ScriptInfo::of::<run_quality::Args>(),
        ScriptInfo::of::<open_pr::Args>(),
        ScriptInfo::of::<handle_feedback::Args>(),
        ScriptInfo::of::<clone_repo::Args>(),
        ScriptInfo::of::<analyze_project::Args>(),
        ScriptInfo::of::<initialize_speckit::Args>(),
        ScriptInfo::of::<generate_spec::Args>(),
        ScriptInfo::of::<generate_plan::Args>(),
        ScriptInfo::of::<generate_tasks::Args>(),
        ScriptInfo::of::<spec_audit::Args>(),
    ]
}
