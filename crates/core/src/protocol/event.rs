//! Events: every decision about a protocol, on record.
//!
//! Always so: an event's type is one of these words, and it is written in the transaction that it reports.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::words::words;

words! {
    /// What happened.
    EventType is a "type of event" {
        /// A project's setup waits to be done.
        SetupEnqueued = "setup_enqueued",
        /// A project's repository is about to be brought in.
        SetupStarted = "setup_started",
        /// A project's repository is to be cloned by hand.
        SetupPendingClone = "setup_pending_clone",
        /// A project's repository could not be cloned or brought up to date.
        SetupCloneFailed = "setup_clone_failed",
        /// The repository of a project that is set up could not be cloned again or brought up to date.
        RepoCloneFailed = "repo_clone_failed",
        /// A project's repository was cloned.
        SetupCloned = "setup_cloned",
        /// A project's folder was recorded.
        SetupLocalPathRecorded = "setup_local_path_recorded",
        /// The remote of a project's checkout.
        SetupGitRemote = "setup_git_remote",
        /// The name under which commits are made in a project.
        SetupGitIdentity = "setup_git_identity",
        /// Something of a project was left out.
        SetupWarning = "setup_warning",
        /// An engine is about to look at a project.
        SetupDiscoveryStarted = "setup_discovery_started",
        /// No engine looked at a project.
        SetupDiscoverySkipped = "setup_discovery_skipped",
        /// An engine has described a project.
        SetupDiscoveryCompleted = "setup_discovery_completed",
        /// An engine has left parts of a project without a description.
        SetupDiscoveryWarning = "setup_discovery_warning",
        /// A project's files for specifications are there.
        SetupAssets = "setup_assets",
        /// A project's setup could not be brought to its end.
        SetupFailed = "setup_failed",
        /// Questions about a project's setup are open at its end.
        SetupClarifications = "setup_clarifications",
        /// A project's setup waits for answers.
        SetupBlocked = "setup_blocked",
        /// A project is set up.
        SetupCompleted = "setup_completed",
        /// A protocol has its first worktree.
        SetupWorktreeCreated = "setup_worktree_created",
        /// A protocol's folder was made.
        SetupProtocolsDirCreated = "setup_protocols_dir_created",
        /// A protocol's branch was pushed to its remote.
        SetupBranchPushed = "setup_branch_pushed",
        /// A protocol's branch was not pushed, since there is no remote.
        SetupBranchPushSkipped = "setup_branch_push_skipped",
        /// A started protocol waits to be planned.
        PlanningEnqueued = "planning_enqueued",
        /// A protocol's steps were made from its spec.
        Planned = "planned",
        /// A CodeMachine workspace waits to be imported.
        CodemachineImportEnqueued = "codemachine_import_enqueued",
        /// A spec was made of a CodeMachine workspace.
        CodemachineImported = "codemachine_imported",
        /// A CodeMachine workspace gives no spec.
        CodemachineImportFailed = "codemachine_import_failed",
        /// The steps of a plan are to be told in detail.
        DecomposeStarted = "decompose_started",
        /// The steps of a plan are told in detail, or stay as they were planned.
        DecomposeCompleted = "decompose_completed",
        /// A protocol could not be planned.
        PlanningFailed = "planning_failed",
        /// A plan or a step's work found no folder of its project.
        RepoMissing = "repo_missing",
        /// A check found no folder of its project.
        QaBlockedRepo = "qa_blocked_repo",
        /// A spec, or what it names, is wrong.
        SpecValidationError = "spec_validation_error",
        /// A protocol's spec was audited.
        SpecAudit = "spec_audit",
        /// A project's policy finds something else in a protocol than before.
        PolicyFindings = "policy_findings",
        /// What a project's policy finds keeps a protocol from going on.
        PolicyBlocked = "policy_blocked",
        /// What a project's policy asks for was added.
        PolicyAutofix = "policy_autofix",
        /// Planning waits for answers.
        PlanningBlockedClarifications = "planning_blocked_clarifications",
        /// A step's own work waits for answers.
        StepBlockedClarifications = "step_blocked_clarifications",
        /// A step's check waits for answers.
        QaBlockedClarifications = "qa_blocked_clarifications",
        /// A question was asked.
        ClarificationAsked = "clarification_asked",
        /// A question was answered.
        ClarificationAnswered = "clarification_answered",
        /// Someone wants a step to be run again.
        StepRetryEnqueued = "step_retry_enqueued",
        /// Someone takes a step as done.
        ManualApproval = "manual_approval",
        /// Someone has a step passed over.
        StepSkipped = "step_skipped",
        /// Someone stopped a protocol for a while.
        Paused = "paused",
        /// A paused protocol goes on.
        Resumed = "resumed",
        /// Someone ended a protocol.
        Cancelled = "cancelled",
        /// Every step is done.
        ProtocolCompleted = "protocol_completed",
        /// A step's execution begins in the background.
        StepEnqueued = "step_enqueued",
        /// A step's check begins in the background.
        QaEnqueued = "qa_enqueued",
        /// A step's engine begins to work.
        StepStarted = "step_started",
        /// A step's engine did its work.
        StepCompleted = "step_completed",
        /// The same, where the step is an agent of a CodeMachine workspace.
        CodemachineStepCompleted = "codemachine_step_completed",
        /// A step's engine failed.
        StepExecutionFailed = "step_execution_failed",
        /// The same, where the step is an agent of a CodeMachine workspace.
        CodemachineStepFailed = "codemachine_step_failed",
        /// Work goes beyond a budget that only warns.
        BudgetWarning = "budget_warning",
        /// Nobody renewed a step's claim in time: it may be chosen again.
        StepStuckWatchdog = "step_stuck_watchdog",
        /// The server that ran a step's engine is gone: the step may be chosen again.
        StepExecutionLost = "step_execution_lost",
        /// Someone stopped a step's engine.
        StepExecutionCancelled = "step_execution_cancelled",
        /// A check passed.
        QaPassed = "qa_passed",
        /// A check failed.
        QaFailed = "qa_failed",
        /// A check that ran right after the step passed.
        QaPassedInline = "qa_passed_inline",
        /// A check that ran right after the step failed.
        QaFailedInline = "qa_failed_inline",
        /// The spec says that the step is not checked.
        QaSkippedPolicy = "qa_skipped_policy",
        /// The check itself could not be done.
        QaError = "qa_error",
        /// A check that ran right after the step could not be done.
        QaInlineError = "qa_inline_error",
        /// A check failed and passes, since nothing but the protocol's own files has changed.
        QaDowngradedProtocolOnly = "qa_downgraded_protocol_only",
        /// What a check found is to be mended by an engine.
        QaAutoFixAttempt = "qa_auto_fix_attempt",
        /// An engine has mended what a check found.
        QaAutoFixApplied = "qa_auto_fix_applied",
        /// An engine could not mend what a check found.
        QaAutoFixError = "qa_auto_fix_error",
        /// A loop policy's condition does not hold.
        LoopConditionSkipped = "loop_condition_skipped",
        /// A loop policy has sent its step back as often as it may.
        LoopLimitReached = "loop_limit_reached",
        /// A loop policy sends steps back.
        LoopDecision = "loop_decision",
        /// A trigger policy's condition does not hold.
        TriggerConditionSkipped = "trigger_condition_skipped",
        /// A trigger policy names no step that there is.
        TriggerMissingTarget = "trigger_missing_target",
        /// A trigger policy's target is done already.
        TriggerSkipped = "trigger_skipped",
        /// A trigger policy makes its target ready.
        TriggerDecision = "trigger_decision",
        /// A trigger's target waits to be chosen.
        TriggerPending = "trigger_pending",
        /// Someone claims a step that a trigger made ready.
        TriggerEnqueued = "trigger_enqueued",
        /// Whoever claimed a step that a trigger made ready has reported no work on it.
        TriggerEnqueueFailed = "trigger_enqueue_failed",
        /// A step that a trigger made ready was executed.
        TriggerExecutedInline = "trigger_executed_inline",
        /// The execution of a step that a trigger made ready has failed.
        TriggerInlineFailed = "trigger_inline_failed",
        /// Triggers have followed one another too far.
        TriggerInlineDepthExceeded = "trigger_inline_depth_exceeded",
        /// The run of a job of the protocol's has failed.
        JobFailed = "job_failed",
        /// A job that has lost its claim on a step has reported on it all the same.
        UnknownJob = "unknown_job",
        /// A job begins to open a pull request.
        OpenPrEnqueued = "open_pr_enqueued",
        /// A pull request was opened.
        OpenPr = "open_pr",
        /// A pull request could not be opened.
        OpenPrFailed = "open_pr_failed",
        /// The protocol's branch has a pull request already.
        OpenPrBranchExists = "open_pr_branch_exists",
        /// There is nothing that a pull request could be opened from.
        OpenPrSkipped = "open_pr_skipped",
        /// A forge has merged the pull request of a protocol's branch.
        PrMerged = "pr_merged",
        /// The same, of a merge request.
        MrMerged = "mr_merged",
        /// A forge begins to check a commit of a protocol's pull request.
        CiTriggered = "ci_triggered",
        /// GitHub tells of a pull request.
        GithubPullRequest = "github_pull_request",
        /// GitHub tells of a check.
        GithubCheckRun = "github_check_run",
        /// GitHub tells of an app's checks.
        GithubCheckSuite = "github_check_suite",
        /// GitHub tells of a workflow.
        GithubWorkflowRun = "github_workflow_run",
        /// GitHub tells of a commit's status.
        GithubStatus = "github_status",
        /// GitLab tells of a merge request.
        GitlabMergeRequest = "gitlab_merge_request",
        /// GitLab tells of a pipeline.
        GitlabPipeline = "gitlab_pipeline",
        /// GitLab tells of a job.
        GitlabJob = "gitlab_job",
        /// Someone asked which branches a project's checkout has.
        BranchesListed = "branches_listed",
        /// A branch of a project's checkout was removed.
        BranchDeleted = "branch_deleted",
        /// A branch of a project's checkout was to be removed, and stays.
        BranchDeleteFailed = "branch_delete_failed",
    }
}

/// An event as the API gives it: a row of `events`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// The row's id; ids grow with time.
    pub id: i64,
    /// The protocol run.
    pub protocol_run_id: i64,
    /// The step run, where it is about one.
    pub step_run_id: Option<i64>,
    /// What happened.
    pub event_type: String,
    /// The same in a sentence.
    pub message: String,
    /// When: `YYYY-MM-DD HH:MM:SS`, UTC.
    pub created_at: String,
    /// What belongs to it, by type.
    pub metadata: Option<Value>,
    /// The protocol's name, in lists over several protocols.
    pub protocol_name: Option<String>,
    /// The project, in lists over several protocols.
    pub project_id: Option<i64>,
    /// The project's name, in lists over several protocols.
    pub project_name: Option<String>,
}

/// An event that is to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// The step run, where it is about one.
    pub step_run_id: Option<i64>,
    /// What happened.
    pub event_type: EventType,
    /// The same in a sentence.
    pub message: String,
    /// What belongs to it.
    pub metadata: Map<String, Value>,
}

impl NewEvent {
    /// An event about the protocol as a whole, without metadata.
    pub fn new(event_type: EventType, message: impl Into<String>) -> Self {
        Self {
            step_run_id: None,
            event_type,
            message: message.into(),
            metadata: Map::new(),
        }
    }

    /// The same, about a step.
    #[must_use]
    pub fn of_step(mut self, step_run_id: i64) -> Self {
        self.step_run_id = Some(step_run_id);
        self
    }

    /// The same, with one more thing on record.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.metadata.insert(key.to_owned(), value.into());
        self
    }

    /// The same, with those of these on record that nothing is on record of yet.
    #[must_use]
    pub fn with_missing(mut self, entries: &Map<String, Value>) -> Self {
        for (key, value) in entries {
            self.metadata
                .entry(key.clone())
                .or_insert_with(|| value.clone());
        }
        self
    }

    /// The same, with all of these on record.
    #[must_use]
    pub fn with_all(mut self, entries: impl IntoIterator<Item = (String, Value)>) -> Self {
        self.metadata.extend(entries);
        self
    }
}
