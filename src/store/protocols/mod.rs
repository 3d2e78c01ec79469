//! Projects, protocols, steps and events; who holds which step, and what is being executed.
//!
//! Always so: a status changes only in a transaction that asked `core::protocol`, and that transaction writes the events.

mod answered;
mod audit;
mod by_hand;
mod claims;
mod clarifications;
mod codemachine;
mod decisions;
mod events;
mod executions;
mod files;
mod import;
mod late;
mod origin;
mod outlines;
mod planner;
mod planning;
mod plannings;
mod policies;
mod projects;
mod pull_requests;
mod runs;
mod setup;
mod steps;
mod superseded;
mod sync;
mod webhooks;
mod work;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use millwright_core::protocol::{Illegal, Kind, Refused, begin_execution, begin_qa};
use rusqlite::Connection;

use super::{Store, StoreError, Timestamp};

pub use audit::{AuditScope, Changes, Look, Specless};
pub use clarifications::{ClarificationFilter, NewClarification, Scope};
pub use events::EventFilter;
pub(super) use events::record;
pub use executions::{Lost, StartedExecution};
pub use import::ImportedSpec;
pub use outlines::ProtocolOutline;
pub use planner::{PlanningFailure, is_planned_anew};
pub use policies::{PolicyCase, PolicyFix, PolicyOutcome, PolicyState, PolicySteps};
pub use projects::{NewProject, ProjectChange, ProjectStatus};
pub use runs::{NewProtocol, ProtocolFilter};
pub use steps::NewStep;
pub use webhooks::TakenHook;

/// Tells the time. Tests set it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How long claims last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leases {
    /// While someone is at work and renews.
    pub working: Duration,
    /// Between selection and work, and between work and check: a job may wait for a worker.
    pub waiting: Duration,
}

/// The protocols' part of the database.
#[derive(Clone)]
pub struct Protocols {
    store: Store,
    leases: Leases,
    clock: Clock,
}

/// The protocols' tables within one transaction, at one moment.
pub struct Tables<'c> {
    connection: &'c Connection,
    now: Timestamp,
    leases: Leases,
}

impl Default for Leases {
    fn default() -> Self {
        Self {
            working: Duration::from_mins(1),
            waiting: Duration::from_mins(5),
        }
    }
}

impl Protocols {
    /// The protocols of a database, with the machine's clock and the usual leases.
    pub fn new(store: Store) -> Self {
        Self::with_clock(store, Leases::default(), Arc::new(Timestamp::now))
    }

    /// The same with other leases and another clock.
    pub fn with_clock(store: Store, leases: Leases, clock: Clock) -> Self {
        Self {
            store,
            leases,
            clock,
        }
    }

    /// How long claims last.
    pub fn leases(&self) -> Leases {
        self.leases
    }

    /// Asks the tables.
    ///
    /// # Errors
    /// What the query returns.
    pub async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Tables<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let at = self.at_this_moment();
        self.store
            .read(move |connection| query(&at(connection)))
            .await
    }

    /// Changes the tables: all that the change does is kept, or, where it fails, nothing.
    ///
    /// # Errors
    /// What the change returns.
    pub async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Tables<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let at = self.at_this_moment();
        self.store
            .write(move |connection| change(&at(connection)))
            .await
    }

    /// Changes the tables to begin one half of a step's work. Where that waits for answers, the step is blocked instead.
    ///
    /// # Errors
    /// What the change returns; [`StoreError::Conflict`] where the step waits for answers.
    pub async fn begin<T: Send + 'static>(
        &self,
        step_run_id: i64,
        kind: Kind,
        change: impl FnOnce(&Tables<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let begun = self.write(move |tables| {
            let seen = tables.see(tables.step(step_run_id)?.protocol_run_id)?;
            if tables.hold_back_step(&seen, step_run_id, kind)? {
                let refused = match kind {
                    Kind::Execute => begin_execution(&seen.snapshot, step_run_id),
                    Kind::Qa => begin_qa(&seen.snapshot, step_run_id),
                };
                // What was blocked is kept; the refusal is the answer.
                return Ok(Err(refused.err().map(StoreError::from)));
            }
            change(tables).map(Ok)
        });
        begun.await?.map_err(|refused| {
            refused.unwrap_or_else(|| StoreError::Conflict("the step waits for answers".to_owned()))
        })
    }

    /// [`Protocols::write`] for a thread that may block.
    ///
    /// # Errors
    /// What the change returns.
    pub fn write_blocking<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Tables<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let at = self.at_this_moment();
        self.store
            .write_blocking(move |connection| change(&at(connection)))
    }

    /// The clock is read when the transaction runs, so that times within the tables never go back.
    fn at_this_moment(&self) -> impl FnOnce(&Connection) -> Tables<'_> + Send + 'static {
        let (clock, leases) = (Arc::clone(&self.clock), self.leases);
        move |connection| Tables {
            connection,
            now: clock(),
            leases,
        }
    }
}

impl fmt::Debug for Protocols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protocols")
            .field("leases", &self.leases)
            .finish_non_exhaustive()
    }
}

impl From<Refused> for StoreError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::UnknownStep(_) => Self::NotFound("Step"),
            other => Self::Conflict(other.to_string()),
        }
    }
}

impl From<Illegal> for StoreError {
    fn from(illegal: Illegal) -> Self {
        Self::Conflict(illegal.to_string())
    }
}

/// The value of a column of words; an unknown word in a table is a fault of the table.
fn word<T: std::str::FromStr<Err = millwright_core::protocol::UnknownWord>>(
    row: &rusqlite::Row<'_>,
    column: &str,
) -> rusqlite::Result<T> {
    row.get_ref(column)?.as_str()?.parse().map_err(
        |error: millwright_core::protocol::UnknownWord| {
            rusqlite::Error::FromSqlConversionFailure(
                0,
                rusqlite::types::Type::Text,
                Box::new(error),
            )
        },
    )
}
