//! Who plans a protocol: one planning at a time, over all servers of a database.
//!
//! Always so: a planning is on record for as long as its protocol's status is `planning`: whatever ends that ends it too.

use millwright_core::protocol::{DecompositionReport, decomposition_reported};
use rusqlite::OptionalExtension;

use super::{StoreError, Tables};

impl Tables<'_> {
    /// Lets a planning begin for a protocol that is being planned and does not wait for answers. Says whether it may: another
    /// one, whose owner is not `gone`, comes first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn begin_planning(
        &self,
        id: i64,
        planning: &str,
        owner: &str,
        gone: impl Fn(&str) -> bool,
    ) -> Result<bool, StoreError> {
        if self.planning_awaits_answers(id)? {
            return Ok(false);
        }
        let other: Option<String> = self
            .connection
            .prepare_cached("SELECT owner FROM plannings WHERE protocol_run_id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?;
        if other.is_some_and(|owner| !gone(&owner)) {
            return Ok(false);
        }
        let begun = self
            .connection
            .prepare_cached(
                "INSERT OR REPLACE INTO plannings (protocol_run_id, planning, owner)
                 SELECT id, ?2, ?3 FROM protocol_runs WHERE id = ?1 AND status = 'planning'",
            )?
            .execute((id, planning, owner))?;
        Ok(begun > 0)
    }

    /// Whether a planning is still the one that its protocol is planned by.
    ///
    /// # Errors
    /// The database's.
    pub fn is_planned_by(&self, planning: &str) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT 1 FROM plannings WHERE planning = ?1")?
            .exists([planning])?)
    }

    /// Puts on record what a planning tells of its steps, while it is the one that its protocol is planned by.
    ///
    /// # Errors
    /// The database's.
    pub fn planning_reports(
        &self,
        id: i64,
        planning: &str,
        report: &DecompositionReport,
    ) -> Result<(), StoreError> {
        if !self.is_planned_by(planning)? {
            return Ok(());
        }
        let seen = self.see(id)?;
        self.apply(&seen, &decomposition_reported(&seen.snapshot, report), None)
    }

    /// Ends a planning that came to nothing. Says whether its protocol is still to be planned.
    ///
    /// # Errors
    /// The database's.
    pub fn give_up_planning(&self, planning: &str) -> Result<bool, StoreError> {
        let ended = self
            .connection
            .prepare_cached("DELETE FROM plannings WHERE planning = ?1")?
            .execute([planning])?;
        Ok(ended > 0)
    }

    /// A protocol is not being planned any more.
    pub(super) fn end_planning(&self, id: i64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM plannings WHERE protocol_run_id = ?1")?
            .execute([id])?;
        Ok(())
    }
}
