//! Which statuses follow which: two tables, one for protocols and one for steps.
//!
//! Always so: what is not in the table does not happen, and the refusal names the state that it found.

use super::{ProtocolStatus, StepStatus};

/// What may happen to a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtocolAction {
    /// Someone starts it.
    Start,
    /// Its steps are there.
    Planned,
    /// Its steps could not be made.
    PlanningFailed,
    /// A spec came, and its steps were made.
    AcceptSpec,
    /// A spec came in the place of one that blocked it.
    MendSpec,
    /// Someone stops it for a while.
    Pause,
    /// Someone lets it go on.
    Resume,
    /// Someone ends it.
    Cancel,
    /// A step of it begins.
    RunStep,
    /// A step of it that failed begins again, by someone's wish.
    RetryStep,
    /// The check of a step begins.
    CheckStep,
    /// Someone takes a step of it as done.
    ApproveStep,
    /// What kept it from being planned is answered.
    PlanAgain,
    /// Someone wants another plan for it.
    Replan,
    /// There is no other plan for it, and it keeps its own.
    KeepPlan,
    /// It was paused while it was planned, and someone lets that go on.
    ResumePlanning,
    /// Something went wrong in one of its steps.
    Block,
    /// Every step is done.
    Complete,
    /// The project that it stands for is being set up.
    SetUp,
}

/// What may happen to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepAction {
    /// Its engine begins.
    Execute,
    /// Its engine is done, and its check is due.
    AwaitQa,
    /// Its engine is done, and there is nothing to check.
    Complete,
    /// Its engine failed.
    FailExecution,
    /// Its check begins.
    Check,
    /// Its check passed.
    PassQa,
    /// Its check failed.
    FailQa,
    /// A policy makes it ready again.
    SendBack,
    /// Nobody is at work on it any more.
    Lapse,
    /// Its protocol is cancelled.
    Cancel,
    /// The spec has it no more.
    Drop,
    /// Someone wants it to be run again.
    Retry,
    /// Someone takes it as done.
    Approve,
    /// Someone has it passed over.
    Skip,
    /// It waits for an answer.
    Block,
    /// The answer came before its own work.
    Unblock,
    /// The answer came before its check.
    UnblockQa,
}

/// The state does not allow it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// A second start; the words are the API's.
    #[error("Protocol already running or terminal")]
    AlreadyStarted,
    /// Anything else with a protocol.
    #[error("the protocol is {status}: it cannot {action}")]
    Protocol {
        /// How it stands.
        status: ProtocolStatus,
        /// What was wanted.
        action: &'static str,
    },
    /// With a step.
    #[error("step {step_run_id} is {status}: it cannot {action}")]
    Step {
        /// The step run.
        step_run_id: i64,
        /// How it stands.
        status: StepStatus,
        /// What was wanted.
        action: &'static str,
    },
}

type Row<A, S> = (A, &'static [S], S);

/// Where the two systems before this one differed, the stricter one that makes sense holds.
const PROTOCOL: &[Row<ProtocolAction, ProtocolStatus>] = {
    use ProtocolAction as A;
    use ProtocolStatus as S;
    &[
        (A::Start, &[S::Pending, S::Planned], S::Planning),
        (A::Planned, &[S::Planning], S::Planned),
        (A::PlanningFailed, &[S::Planning], S::Blocked),
        (
            A::AcceptSpec,
            &[S::Pending, S::Planning, S::Planned],
            S::Planned,
        ),
        (A::AcceptSpec, &[S::Running], S::Running),
        (A::AcceptSpec, &[S::Paused], S::Paused),
        (A::AcceptSpec, &[S::Blocked], S::Blocked),
        (A::MendSpec, &[S::Blocked], S::Planned),
        (
            A::Pause,
            &[
                S::Pending,
                S::Planning,
                S::Planned,
                S::Running,
                S::Paused,
                S::Blocked,
            ],
            S::Paused,
        ),
        (A::Resume, &[S::Paused], S::Running),
        (A::ResumePlanning, &[S::Paused], S::Planning),
        (
            A::Cancel,
            &[
                S::Pending,
                S::Planning,
                S::Planned,
                S::Running,
                S::Paused,
                S::Blocked,
                S::Failed,
                S::Cancelled,
            ],
            S::Cancelled,
        ),
        (A::Cancel, &[S::Completed], S::Completed),
        (
            A::RunStep,
            &[S::Pending, S::Planned, S::Running],
            S::Running,
        ),
        (A::RunStep, &[S::Blocked], S::Blocked),
        (
            A::RetryStep,
            &[S::Pending, S::Planned, S::Running, S::Blocked],
            S::Running,
        ),
        (
            A::CheckStep,
            &[S::Pending, S::Planned, S::Running],
            S::Running,
        ),
        (A::CheckStep, &[S::Paused], S::Paused),
        (A::CheckStep, &[S::Blocked], S::Blocked),
        (A::ApproveStep, &[S::Pending], S::Pending),
        (A::ApproveStep, &[S::Planned], S::Planned),
        (A::ApproveStep, &[S::Running], S::Running),
        (A::ApproveStep, &[S::Paused], S::Paused),
        (A::ApproveStep, &[S::Blocked], S::Blocked),
        (A::PlanAgain, &[S::Blocked], S::Planning),
        (
            A::Replan,
            &[S::Pending, S::Planned, S::Blocked],
            S::Planning,
        ),
        (A::KeepPlan, &[S::Planning], S::Planned),
        (
            A::Block,
            &[
                S::Pending,
                S::Planning,
                S::Planned,
                S::Running,
                S::Paused,
                S::Blocked,
            ],
            S::Blocked,
        ),
        (
            A::Complete,
            &[S::Pending, S::Planned, S::Running, S::Paused],
            S::Completed,
        ),
        (
            A::SetUp,
            &[S::Pending, S::Planned, S::Running, S::Blocked],
            S::Running,
        ),
    ]
};

const STEP: &[Row<StepAction, StepStatus>] = {
    use StepAction as A;
    use StepStatus as S;
    &[
        (A::Execute, &[S::Pending, S::Blocked, S::Failed], S::Running),
        (A::AwaitQa, &[S::Running], S::NeedsQa),
        (A::Complete, &[S::Running], S::Completed),
        (A::FailExecution, &[S::Running], S::Failed),
        (A::Check, &[S::NeedsQa], S::NeedsQa),
        (A::PassQa, &[S::NeedsQa], S::Completed),
        (A::FailQa, &[S::NeedsQa], S::Failed),
        (
            A::SendBack,
            &[
                S::Pending,
                S::Running,
                S::NeedsQa,
                S::Completed,
                S::Failed,
                S::Blocked,
                S::Skipped,
            ],
            S::Pending,
        ),
        (A::Lapse, &[S::Running], S::Pending),
        (A::Lapse, &[S::NeedsQa], S::NeedsQa),
        (
            A::Cancel,
            &[S::Pending, S::Running, S::NeedsQa, S::Blocked],
            S::Cancelled,
        ),
        (
            A::Drop,
            &[S::Pending, S::Running, S::NeedsQa, S::Failed, S::Blocked],
            S::Cancelled,
        ),
        (A::Retry, &[S::Failed, S::Blocked], S::Pending),
        (
            A::Approve,
            &[S::Pending, S::NeedsQa, S::Failed, S::Blocked],
            S::Completed,
        ),
        (
            A::Skip,
            &[S::Pending, S::NeedsQa, S::Failed, S::Blocked],
            S::Skipped,
        ),
        (
            A::Block,
            &[S::Pending, S::NeedsQa, S::Failed, S::Blocked],
            S::Blocked,
        ),
        (A::Unblock, &[S::Blocked], S::Pending),
        (A::UnblockQa, &[S::Blocked], S::NeedsQa),
    ]
};

impl ProtocolStatus {
    /// The status after an action.
    ///
    /// # Errors
    /// [`Illegal`] where this status does not allow it.
    pub fn after(self, action: ProtocolAction) -> Result<Self, Illegal> {
        look_up(PROTOCOL, action, self).ok_or_else(|| self.refuses(action))
    }

    fn refuses(self, action: ProtocolAction) -> Illegal {
        let stopped = matches!(self, Self::Paused | Self::Blocked);
        if action == ProtocolAction::Start && !stopped {
            return Illegal::AlreadyStarted;
        }
        Illegal::Protocol {
            status: self,
            action: action.phrase(),
        }
    }
}

impl StepStatus {
    /// The status after an action, of a given step.
    ///
    /// # Errors
    /// [`Illegal`] where this status does not allow it.
    pub fn after(self, step_run_id: i64, action: StepAction) -> Result<Self, Illegal> {
        look_up(STEP, action, self).ok_or(Illegal::Step {
            step_run_id,
            status: self,
            action: action.phrase(),
        })
    }

    /// Whether the table knows the action from here.
    pub fn allows(self, action: StepAction) -> bool {
        look_up(STEP, action, self).is_some()
    }
}

fn look_up<A: Copy + PartialEq, S: Copy + PartialEq>(
    table: &[Row<A, S>],
    action: A,
    from: S,
) -> Option<S> {
    let row = table
        .iter()
        .find(|(name, froms, _)| *name == action && froms.contains(&from));
    row.map(|(_, _, to)| *to)
}

impl ProtocolAction {
    fn phrase(self) -> &'static str {
        match self {
            Self::Start => "be started; resume it, or run its step by hand",
            Self::AcceptSpec | Self::MendSpec => "take a spec",
            Self::Planned | Self::PlanningFailed | Self::PlanAgain | Self::KeepPlan => "be planned",
            Self::Replan => "be planned anew",
            Self::Pause => "be paused",
            Self::Resume | Self::ResumePlanning => "be resumed",
            Self::Cancel => "be cancelled",
            Self::RunStep | Self::RetryStep => "run a step",
            Self::CheckStep => "have a step checked",
            Self::ApproveStep => "have a step approved",
            Self::Block => "be blocked",
            Self::Complete => "be completed",
            Self::SetUp => "be set up",
        }
    }
}

impl StepAction {
    fn phrase(self) -> &'static str {
        match self {
            Self::Execute => "be executed",
            Self::AwaitQa | Self::Complete | Self::FailExecution => "take the report of an engine",
            Self::Check => "be checked",
            Self::PassQa | Self::FailQa => "take a verdict",
            Self::SendBack => "be sent back",
            Self::Lapse => "be given back",
            Self::Cancel => "be cancelled",
            Self::Drop => "be dropped from the spec",
            Self::Retry => "be retried",
            Self::Approve => "be approved",
            Self::Skip => "be skipped",
            Self::Block => "wait for an answer",
            Self::Unblock | Self::UnblockQa => "go on after an answer",
        }
    }
}

#[cfg(test)]
mod tests;
