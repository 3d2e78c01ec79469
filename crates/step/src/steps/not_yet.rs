//! The steps whose work follows in a later version.
//!
//! Always so: their arguments are checked, then they fail; they never pretend.

use millwright_core::catalog::Script;

use super::StepError;
use crate::host::Host;

/// Fails with the script's name.
pub(super) async fn run<S: Script>(
    _arguments: S,
    _host: &impl Host,
) -> Result<S::Output, StepError> {
    Err(StepError::NotYet(S::NAME))
}
