//! The open database: changes in groups, queries beside them.
//!
//! Always so: a write is answered after the transaction that holds it is committed, and one write's failure
//! undoes that write alone.

use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::checkpoints::Checkpoints;
use super::connection::open_for_writing;
use super::readers::{Query, Readers};
use super::writer::{Change, Writer, Written};
use super::{StoreError, migrations};

const PREFIX: &str = "sqlite://";
/// The database of a project for which none is named.
pub const DEFAULT_ADDRESS: &str = "sqlite://.millwright/millwright.db";

/// How to open a database.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The database's file; it is made where it is missing.
    pub path: PathBuf,
    /// How long to wait for another process that holds the database.
    pub busy_timeout: Duration,
}

/// An open database. Cloning it is cheap; its threads end with the last clone.
#[derive(Debug, Clone)]
pub struct Store(Arc<Ways>);

#[derive(Debug)]
struct Ways {
    writer: Writer,
    readers: Readers,
}

impl StoreOptions {
    /// Takes an address such as `sqlite://.millwright/millwright.db`.
    ///
    /// # Errors
    /// [`StoreError::BadAddress`] where it is none.
    pub fn parse(address: &str) -> Result<Self, StoreError> {
        match address.strip_prefix(PREFIX) {
            Some(path) if !path.is_empty() => Ok(Self::file(path)),
            _ => Err(StoreError::BadAddress(address.to_owned())),
        }
    }

    /// The database in a file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            busy_timeout: Duration::from_secs(5),
        }
    }
}

impl Store {
    /// Opens a database, makes its folder and file where they are missing, and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreError::Open`], [`StoreError::Newer`], [`StoreError::Locked`] or [`StoreError::Full`].
    pub fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        let connection = prepare(options).map_err(|error| error.at(&options.path))?;
        let checkpoints = Checkpoints::start(open_for_writing(options)?)?;
        let writer = Writer::start(connection, options.busy_timeout, checkpoints)?;
        let readers = Readers::start(options.clone())?;
        Ok(Self(Arc::new(Ways { writer, readers })))
    }

    /// Runs a query that may take long, such as a list, beside the caller's thread.
    ///
    /// # Errors
    /// What the query returns, or [`StoreError::Overloaded`].
    pub async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, receiver) = oneshot::channel();
        let query: Query =
            Box::new(move |connection| drop(answer.send(unpanicked(|| query(connection)))));
        self.0.readers.submit(query)?;
        receiver.await.map_err(|_| StoreError::Closed)?
    }

    /// Finds a few rows by their keys, at once and on the caller's thread: to hand that to another takes longer than to do
    /// it. All that the query reads is of one moment.
    ///
    /// # Errors
    /// What the query returns.
    pub fn look_up<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.0
            .readers
            .run(|connection| of_one_moment(connection, query))
    }

    /// Runs a query of any length, for a thread that may block.
    ///
    /// # Errors
    /// What the query returns.
    pub fn read_blocking<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.0
            .readers
            .run(|connection| unpanicked(|| query(connection)))
    }

    /// Makes a change. All that it does is kept, or, where it fails, nothing.
    ///
    /// # Errors
    /// What the change returns, the commit's failure, or [`StoreError::Overloaded`].
    pub async fn write<T, F>(&self, change: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.write_soon(|connection| in_savepoint(connection, change))
            .await
    }

    /// [`Store::write`] for a change of one statement. SQLite undoes such a one by itself where it fails, and a savepoint would
    /// keep a copy of every page that it touches. What is read beside it may fail and leaves the change as it is.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_row<T, F>(&self, change: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.write_soon(|connection| unpanicked(|| change(connection)))
            .await
    }

    async fn write_soon<T, F>(&self, change: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let written = self.submit(change)?;
        let writing = Writing(self);
        // Who is ready to hand in a change does so first: one commit for all costs little more than one for each.
        tokio::task::yield_now().await;
        drop(writing);
        written.await.map_err(|_| StoreError::Closed)?
    }

    /// [`Store::write`] for a thread that may block.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_blocking<T, F>(&self, change: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let written = self.submit(|connection| in_savepoint(connection, change))?;
        self.0.writer.write();
        written.blocking_recv().map_err(|_| StoreError::Closed)?
    }

    fn submit<T, F>(
        &self,
        change: F,
    ) -> Result<oneshot::Receiver<Result<T, StoreError>>, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, receiver) = oneshot::channel();
        let change: Change = Box::new(move |connection| {
            let outcome = match connection {
                Some(connection) => change(connection),
                None => Err(StoreError::Closed),
            };
            let is_over = connection.is_some_and(Connection::is_autocommit);
            let ended = outcome
                .as_ref()
                .err()
                .filter(|_| is_over)
                .map(StoreError::again);
            Written {
                answer: Box::new(move |committed| drop(answer.send(committed.and(outcome)))),
                ended,
            }
        });
        self.0.writer.submit(change)?;
        Ok(receiver)
    }
}

/// Writes what waits when it is dropped, so that a caller who stops waiting leaves nothing undone.
struct Writing<'a>(&'a Store);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.0.writer.write();
    }
}

fn prepare(options: &StoreOptions) -> Result<Connection, StoreError> {
    let mut connection = open_for_writing(options)?;
    migrations::migrate(&mut connection)?;
    Ok(connection)
}

fn in_savepoint<T>(
    connection: &Connection,
    change: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.prepare_cached("SAVEPOINT change")?.execute([])?;
    let outcome = unpanicked(|| change(connection));
    if outcome.is_err() {
        // For want of room the database has undone the whole transaction.
        if connection.is_autocommit() {
            return outcome;
        }
        connection
            .prepare_cached("ROLLBACK TO change")?
            .execute([])?;
    }
    connection.prepare_cached("RELEASE change")?.execute([])?;
    outcome
}

fn of_one_moment<T>(
    connection: &Connection,
    query: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.prepare_cached("BEGIN")?.execute([])?;
    let outcome = unpanicked(|| query(connection));
    // What was read stands, and an error may have ended the transaction: either way its end says nothing more.
    drop(connection.prepare_cached("COMMIT")?.execute([]));
    outcome
}

/// Does work for a caller. A connection serves everyone, so one caller's panic must not spoil it: what the panic leaves
/// behind is the caller's own, and the transaction, which is rolled back.
fn unpanicked<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(StoreError::Panicked(
            text.unwrap_or("no reason given").to_owned(),
        ))
    })
}
