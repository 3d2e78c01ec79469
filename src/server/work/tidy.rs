//! The end of a protocol's worktrees, where they are on this machine.
//!
//! Always so: a protocol that goes on keeps its worktrees, and so does whoever still works in one.

use std::sync::Arc;

use millwright_core::protocol::{Project, ProtocolRun};
use millwright_step::workspace;

use super::{Shared, Work};
use crate::store::StoreError;
use crate::store::protocols::Tables;

impl Work {
    /// Removes a protocol's worktrees in the background, where it has ended.
    pub(crate) fn tidy(&self, protocol_run_id: i64) {
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move {
            let ended = shared
                .protocols
                .read(move |tables| ended(tables, protocol_run_id))
                .await;
            tokio::task::spawn_blocking(move || shared.retire(ended)).await
        });
    }
}

impl Shared {
    /// The same, in a thread that may block.
    pub(super) fn tidy_now(&self, protocol_run_id: i64) {
        let ended = self
            .protocols
            .write_blocking(move |tables| ended(tables, protocol_run_id));
        self.retire(ended);
    }

    fn retire(&self, ended: Result<Option<(ProtocolRun, Project)>, StoreError>) {
        let (run, project) = match ended {
            Ok(Some(ended)) => ended,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(%error, "whether worktrees are to be removed is not known");
                return;
            }
        };
        if let Err(error) = workspace::retire(&run, &project, &self.settings.workspace) {
            tracing::warn!(protocol = run.id, %error, "the worktrees are not removed");
        }
    }
}

fn ended(tables: &Tables<'_>, id: i64) -> Result<Option<(ProtocolRun, Project)>, StoreError> {
    let run = tables.protocol(id)?;
    if !run.status.is_terminal() {
        return Ok(None);
    }
    let project = tables.project(run.project_id)?;
    Ok(Some((run, project)))
}
