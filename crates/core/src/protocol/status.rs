//! The statuses of protocols and steps, and the kinds of steps and of work.
//!
//! Always so: the words are those of the tables and the API.

use super::words::words;

words! {
    /// How a protocol run stands.
    ProtocolStatus is a "protocol status" {
        /// Made, not planned.
        Pending = "pending",
        /// Its steps are being made.
        Planning = "planning",
        /// Its steps are there; none has run.
        Planned = "planned",
        /// Steps run.
        Running = "running",
        /// Someone stopped it for a while.
        Paused = "paused",
        /// Something went wrong that a person has to look at.
        Blocked = "blocked",
        /// Ended badly.
        Failed = "failed",
        /// Ended by someone's wish.
        Cancelled = "cancelled",
        /// Every step is done.
        Completed = "completed",
    }
}

words! {
    /// How a step run stands.
    StepStatus is a "step status" {
        /// Waits to be run.
        Pending = "pending",
        /// Its engine works.
        Running = "running",
        /// Executed; its check has not been decided.
        NeedsQa = "needs_qa",
        /// Done.
        Completed = "completed",
        /// Executed or checked, and found wrong.
        Failed = "failed",
        /// Ended by someone's wish.
        Cancelled = "cancelled",
        /// Waits for a person.
        Blocked = "blocked",
        /// Passed over; counts as done.
        Skipped = "skipped",
    }
}

words! {
    /// What a step is for.
    StepType is a "step type" {
        /// Prepares the ground.
        Setup = "setup",
        /// Does the work.
        Work = "work",
        /// Checks it.
        Qa = "qa",
    }
}

words! {
    /// Which half of a step's work is meant.
    Kind is a "kind of execution" {
        /// The step's own work.
        Execute = "execute",
        /// Its check.
        Qa = "qa",
    }
}

impl ProtocolStatus {
    /// Whether nothing more happens to it.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Failed)
    }

    /// Whether its steps may be chosen.
    pub fn takes_steps(self) -> bool {
        matches!(self, Self::Pending | Self::Planned | Self::Running)
    }
}

impl StepStatus {
    /// Whether the step counts as done when the protocol's completion is asked for.
    pub fn is_done(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Skipped)
    }

    /// Whether what depends on the step may run.
    pub fn satisfies(self) -> bool {
        matches!(self, Self::Completed | Self::Skipped)
    }

    /// Whether someone may be at work on it.
    pub fn is_in_hand(self) -> bool {
        matches!(self, Self::Running | Self::NeedsQa)
    }
}
