//! Protocol runs in few words: what their branches follow from.
//!
//! Always so: no spec is read, however many runs a project has.

use millwright_core::protocol::ProtocolStatus;
use rusqlite::Row;

use super::{StoreError, Tables, word};

/// What a protocol run's branch follows from, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtocolOutline {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub protocol_name: String,
    /// How it stands.
    pub status: ProtocolStatus,
    /// The branch that it begins from.
    pub base_branch: String,
    /// Its own branch, where someone chose one.
    pub branch: Option<String>,
    /// The number of its pull request.
    pub pr_number: Option<i64>,
    /// The worktree that someone chose for it.
    pub chosen_worktree: Option<String>,
}

impl Tables<'_> {
    /// The protocol runs of a project, the newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn outlines(&self, project_id: i64) -> Result<Vec<ProtocolOutline>, StoreError> {
        self.connection
            .prepare_cached(
                "SELECT id, protocol_name, status, base_branch, pr_number, worktree_path,
                     CASE json_type(template_config, '$.branch')
                         WHEN 'text' THEN template_config ->> '$.branch' END AS branch
                 FROM protocol_runs WHERE project_id = ?1 ORDER BY id DESC",
            )?
            .query_map([project_id], from_row)?
            .collect::<Result<_, _>>()
            .map_err(StoreError::from)
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<ProtocolOutline> {
    Ok(ProtocolOutline {
        id: row.get("id")?,
        protocol_name: row.get("protocol_name")?,
        status: word(row, "status")?,
        base_branch: row.get("base_branch")?,
        branch: row.get("branch")?,
        pr_number: row.get("pr_number")?,
        chosen_worktree: row.get("worktree_path")?,
    })
}
