//! Events.
//!
//! Always so: a list is in the order in which things happened.

use millwright_core::protocol::{Event, EventType, NewEvent};
use rusqlite::{Connection, Row, ToSql};
use serde_json::Value;

use super::{StoreError, Tables};
use crate::store::Timestamp;
use crate::store::conditions::{as_sql, narrow};

/// Which events are meant.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Those of a project's protocols.
    pub project_id: Option<i64>,
    /// Those of a protocol run.
    pub protocol_run_id: Option<i64>,
    /// Those of a step run.
    pub step_run_id: Option<i64>,
    /// Those of these types; of all where there are none.
    pub types: Vec<EventType>,
    /// Those from this moment on.
    pub since: Option<Timestamp>,
    /// Those before this moment.
    pub until: Option<Timestamp>,
    /// Those after the event with this id.
    pub after: Option<i64>,
    /// At most so many, the oldest first.
    pub limit: u32,
}

impl Tables<'_> {
    pub(super) fn write_event(
        &self,
        protocol_run_id: i64,
        event: &NewEvent,
    ) -> Result<(), StoreError> {
        record(self.connection, protocol_run_id, event, self.now)
    }

    /// Whether something has happened in a protocol run.
    pub(super) fn has_event(
        &self,
        protocol_run_id: i64,
        event_type: EventType,
    ) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT 1 FROM events WHERE protocol_run_id = ?1 AND event_type = ?2")?
            .exists((protocol_run_id, event_type.as_str()))?)
    }

    /// The events of a protocol run.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the protocol is.
    pub fn events(&self, protocol_run_id: i64) -> Result<Vec<Event>, StoreError> {
        self.protocol(protocol_run_id)?;
        self.connection
            .prepare_cached("SELECT * FROM events WHERE protocol_run_id = ?1 ORDER BY id")?
            .query_map([protocol_run_id], from_row)?
            .collect::<Result<_, _>>()
            .map_err(StoreError::from)
    }

    /// The events that pass, with the names of their protocols and projects.
    ///
    /// # Errors
    /// The database's.
    pub fn events_that(&self, filter: &EventFilter) -> Result<Vec<Event>, StoreError> {
        let types: Vec<&str> = filter.types.iter().map(|word| word.as_str()).collect();
        let types = (!types.is_empty()).then(|| Value::from(types));
        let conditions: [(&str, Option<&dyn ToSql>); 7] = [
            ("project_id = ?", filter.project_id.as_ref().map(as_sql)),
            (
                "protocol_run_id = ?",
                filter.protocol_run_id.as_ref().map(as_sql),
            ),
            ("step_run_id = ?", filter.step_run_id.as_ref().map(as_sql)),
            (
                "event_type IN (SELECT value FROM json_each(?))",
                types.as_ref().map(as_sql),
            ),
            ("events.created_at >= ?", filter.since.as_ref().map(as_sql)),
            ("events.created_at < ?", filter.until.as_ref().map(as_sql)),
            ("events.id > ?", filter.after.as_ref().map(as_sql)),
        ];
        let mut query = "SELECT events.*, protocol_name, project_id, projects.name AS project_name
             FROM events JOIN protocol_runs ON protocol_runs.id = protocol_run_id
             JOIN projects ON projects.id = project_id WHERE true"
            .to_owned();
        let mut values = narrow(&mut query, &conditions);
        values.push(&filter.limit);
        query.push_str(" ORDER BY events.id LIMIT ?");
        self.connection
            .prepare_cached(&query)?
            .query_map(values.as_slice(), named_from_row)?
            .collect::<Result<_, _>>()
            .map_err(StoreError::from)
    }
}

/// Writes an event of a protocol run that there is.
///
/// # Errors
/// The database's.
pub(in crate::store) fn record(
    connection: &Connection,
    protocol_run_id: i64,
    event: &NewEvent,
    now: Timestamp,
) -> Result<(), StoreError> {
    let metadata = (!event.metadata.is_empty()).then(|| Value::Object(event.metadata.clone()));
    connection
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
            now,
        ))?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Event> {
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
}

fn named_from_row(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        protocol_name: row.get("protocol_name")?,
        project_id: row.get("project_id")?,
        project_name: row.get("project_name")?,
        ..from_row(row)?
    })
}
