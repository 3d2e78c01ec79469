//! Why a job could not be read.
//!
//! Always so: no token and no address with one inside is in a message.

use axum::http::StatusCode;
use millwright_core::refs::JobId;

use crate::server::error::ApiError;
use crate::windmill::WindmillError;

/// Why a job could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub(in crate::server) enum JobError {
    /// Nobody knows the job.
    #[error("job {0} not found")]
    NotFound(JobId),
    /// The mill does not know the job, and there is no Windmill to ask.
    #[error(
        "job {0} is not one of the mill's: set TASKSGODZILLA_WINDMILL_URL to ask Windmill for it"
    )]
    NoWindmill(JobId),
    /// Windmill does not answer.
    #[error("Windmill cannot be reached: {0}")]
    Unreachable(String),
    /// Windmill does not let this server in.
    #[error(
        "Windmill refused with {0}: check TASKSGODZILLA_WINDMILL_TOKEN and TASKSGODZILLA_WINDMILL_WORKSPACE"
    )]
    Refused(StatusCode),
    /// A job's result is longer than what is read of one.
    #[error("what Windmill answers is longer than {0} bytes")]
    TooLong(usize),
    /// Windmill answers, but not what it should.
    #[error("Windmill answered what is not understood: {0}")]
    BadAnswer(String),
}

impl From<WindmillError> for JobError {
    fn from(error: WindmillError) -> Self {
        match error {
            WindmillError::Unreachable { reason, .. } => Self::Unreachable(reason),
            WindmillError::Unauthorized { status, .. } => Self::Refused(status),
            other => Self::BadAnswer(other.to_string()),
        }
    }
}

impl From<JobError> for ApiError {
    fn from(error: JobError) -> Self {
        let status = match &error {
            JobError::NotFound(_) => StatusCode::NOT_FOUND,
            JobError::NoWindmill(_) => StatusCode::SERVICE_UNAVAILABLE,
            JobError::Unreachable(_)
            | JobError::Refused(_)
            | JobError::TooLong(_)
            | JobError::BadAnswer(_) => StatusCode::BAD_GATEWAY,
        };
        Self::new(status, error.to_string())
    }
}
