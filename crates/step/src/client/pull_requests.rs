//! The protocol API's route for pull requests.
//!
//! Always so: sent again, a report is one more event and nothing else.

use millwright_core::protocol::{ProtocolRun, PullRequestReport};

use super::{Client, ClientError, Safety};
use crate::host::Host;

impl<H: Host> Client<'_, H> {
    /// Keeps what became of a protocol's pull request.
    ///
    /// # Errors
    /// When the API cannot be reached or refuses.
    pub async fn report_pull_request(
        &self,
        protocol_run_id: i64,
        report: &PullRequestReport,
    ) -> Result<ProtocolRun, ClientError> {
        let path = format!("/protocols/{protocol_run_id}/pull_request");
        self.post(&path, report, Safety::Once).await
    }
}
