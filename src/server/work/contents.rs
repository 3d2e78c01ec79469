//! What a protocol's work will find on this machine, looked up before a transaction begins.
//!
//! Always so: where git cannot tell, nothing is known, and a spec's prompts are looked for when its steps run.

use std::sync::Arc;

use millwright_core::protocol::Files;
use millwright_step::workspace::Contents;

use super::Shared;
use crate::store::StoreError;

/// The same for those who only ask.
pub(super) fn files(contents: Option<&Contents>) -> Option<&dyn Files> {
    contents.map(|contents| contents as &dyn Files)
}

impl Shared {
    /// The files that a protocol's work will find; none where they are not known here.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], and the database's.
    pub(super) async fn contents(
        self: &Arc<Self>,
        protocol_run_id: i64,
    ) -> Result<Option<Contents>, StoreError> {
        let found = self.protocols.read(move |tables| {
            let run = tables.protocol(protocol_run_id)?;
            let project = tables.project(run.project_id)?;
            Ok((run, project))
        });
        let (run, project) = found.await?;
        let shared = Arc::clone(self);
        let looked = tokio::task::spawn_blocking(move || {
            Contents::of_protocol(&run, &project, &shared.settings.workspace)
        });
        match looked.await {
            Ok(Ok(contents)) => Ok(contents),
            Ok(Err(error)) => {
                tracing::warn!(protocol_run_id, %error, "whether its prompts are there is not known");
                Ok(None)
            }
            Err(error) => {
                tracing::error!(protocol_run_id, %error, "the look into its workspace ended unexpectedly");
                Ok(None)
            }
        }
    }
}
