//! Protocols: the spec, statuses and transitions, selection, policies. Given a snapshot, it returns decisions.
//!
//! Always so: nothing here changes anything; whoever holds the tables applies a [`Decision`] in one transaction.

mod address;
mod answer;
mod assignment;
mod audit;
mod auto_fix;
mod branches;
mod clarification;
mod codemachine_step;
mod decision;
mod decomposition;
mod event;
mod execution;
mod failure;
mod hash;
pub mod import;
mod job_failure;
mod lifecycle;
mod naming;
mod no_folder;
pub mod placeholders;
mod planner;
mod policy;
mod project_policy;
mod pull_request;
mod qa;
mod record;
mod report;
mod schema;
mod select;
mod setup;
mod snapshot;
mod spec;
mod spec_change;
mod status;
mod telemetry;
mod transition;
mod validate;
mod webhook;
mod words;

pub use address::{split_secret, without_secrets};
pub use answer::{Answer, answers_as_text};
pub use assignment::{
    Assignment, Begun, Claim, ProjectDefaults, SHARED_BRANCH, Spent, is_shared_branch,
};
pub use audit::{AuditCounts, AuditOutcome, AuditPage, SpecAudit};
pub use auto_fix::{AutoFixReport, AutoFixStage, auto_fix_attempts};
pub use branches::{branch_delete_failed, branch_deleted, branches_listed};
pub use clarification::{
    Clarification, ClarificationStatus, Phase, about_question, answered, asked_of_failed_step,
    hold_back_planning, hold_back_spec, hold_back_step,
};
pub use decision::{Decision, Refused};
pub use decomposition::{Decomposition, DecompositionReport, SkippedStep, decomposition_reported};
pub use event::{Event, EventType, NewEvent};
pub use execution::{Execution, ExecutionStarted, ExecutionStatus, RunNextStep, SelectedStep};
pub use failure::{FailureKind, classify};
pub use hash::{canonical_json, hex, long_hash, sha256, short_hash, spec_hash};
pub use job_failure::{FailureCategory, came_too_late, job_failed};
pub use lifecycle::{
    LetGo, approve, begin_execution, begin_qa, cancel, last_to_retry, let_go, pause, planned,
    planner_failed, replan, resume, retry, skip, spec_missing, spec_refused, start,
};
pub use naming::{
    agent_id, agents_of, infer_step_type, refuse_bad_protocol_name, refuse_bad_protocol_root,
};
pub use planner::{PlanAnswer, StepFile};
pub use policy::MAX_INLINE_TRIGGER_DEPTH;
pub use policy::triggered::{claimed, unclaimed};
pub use project_policy::{
    Ground, PolicyCi, PolicyCode, PolicyComplaint, PolicyDefaults, PolicyEnforcement,
    PolicyFinding, PolicyLook, PolicyMode, PolicyRequirements, PolicyScope, PolicySeverity,
    ProjectPolicy, PromptFile, StepPrompt, UnknownField, missing_sections, policy_hash,
    policy_looked, policy_mended, unknown_fields, with_sections,
};
pub use pull_request::{PullRequestOutcome, PullRequestReport, pull_request_reported};
pub use qa::{Finding, Gate, GateResult, GateStatus, QaResult, QaVerdict, parse_verdict};
pub use record::{Project, ProtocolRun, ProtocolSpecView, StepRun};
pub use report::{ExecutionOutcome, ExecutionReport, QaReport, Report, reported};
pub use schema::spec_schema;
pub use select::ready_steps;
pub use setup::{
    LONGEST_SETUP_TEXT, SetupEvent, SetupFact, SetupReport, setup_answered, setup_reported,
};
pub use snapshot::{Snapshot, Step};
pub use spec::{
    AUTO_FIX_PROMPT, Outputs, ProtocolSpec, QUALITY_PROMPT, QaPolicy, QaSpec, StepSpec,
};
pub use spec_change::{AcceptedSpec, StepChanges, drop_steps, spec_accepted, spec_rejected};
pub use status::{Kind, ProtocolStatus, StepStatus, StepType};
pub use telemetry::{Telemetry, Tokens};
pub use transition::{Illegal, ProtocolAction, StepAction};
pub use validate::{
    Files, LONGEST_INPUTS, MOST_STEPS, PlannedStep, SpecContext, SpecError, complaint_of_inputs,
    planned_steps,
};
pub use webhook::{CiState, Forge, Hook, hook_received, is_same_repository};
pub use words::UnknownWord;
