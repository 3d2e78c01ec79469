//! Where reports go: over HTTP from a worker, into the tables from the server.
//!
//! Always so: a refusal is final, and the work that it meets is stopped.

use millwright_core::protocol::{Report, StepRun};

/// Takes what the runner has to say about its work.
pub trait OutcomePort {
    /// Makes the claim last longer.
    ///
    /// # Errors
    /// [`PortError::Refused`] where the claim holds the step no more.
    fn renew(&self, step_run_id: i64, claim: &str) -> Result<(), PortError>;

    /// Takes a report and gives the step as it then stands.
    ///
    /// # Errors
    /// [`PortError::Refused`] where the claim holds the step no more.
    fn report(&self, step_run_id: i64, claim: &str, report: &Report) -> Result<StepRun, PortError>;
}

/// Why a report was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// The claim does not hold the step any more: whatever was done does not count.
    #[error("the report was refused: {0}")]
    Refused(String),
    /// Nobody answered, or the one who did failed.
    #[error("the report could not be delivered: {0}")]
    Unavailable(String),
}
