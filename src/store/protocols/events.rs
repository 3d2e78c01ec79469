//! Events.
//!
//! Always so: a list is in the order in which things happened.

use millwright_core::protocol::{Event, NewEvent};
use serde_json::Value;

use super::{StoreError, Tables};
use crate::store::Timestamp;

impl Tables<'_> {
    pub(super) fn write_event(
        &self,
        protocol_run_id: i64,
        event: &NewEvent,
    ) -> Result<(), StoreError> {
        let metadata = (!event.metadata.is_empty()).then(|| Value::Object(event.metadata.clone()));
        self.connection
            .prepare_cached(
                "INSERT INTO events (protocol_run_id, step_run_id, event_type, message, metadata, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute((
                protocol_run_id,
                event.step_run_id,
                event.event_type.as_str(),
                &event.message,
                metadata,
                self.now,
            ))?;
        Ok(())
    }

    /// The events of a protocol run.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the protocol is.
    pub fn events(&self, protocol_run_id: i64) -> Result<Vec<Event>, StoreError> {
        self.protocol(protocol_run_id)?;
        self.connection
            .prepare_cached("SELECT * FROM events WHERE protocol_run_id = ?1 ORDER BY id")?
            .query_map([protocol_run_id], |row| {
                Ok(Event {
                    id: row.get("id")?,
                    protocol_run_id: row.get("protocol_run_id")?,
                    step_run_id: row.get("step_run_id")?,
                    event_type: row.get("event_type")?,
                    message: row.get("message")?,
                    created_at: row.get::<_, Timestamp>("created_at")?.to_row_text(),
                    metadata: row.get("metadata")?,
                    protocol_name: None,
                    project_id: None,
                    project_name: None,
                })
            })?
            .collect::<Result<_, _>>()
            .map_err(StoreError::from)
    }
}
