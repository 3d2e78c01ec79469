//! The connections that read, and the threads for what takes long.
//!
//! Always so: a connection serves one reader at a time; no reader waits for a writer.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use rusqlite::Connection;

use super::connection::open_for_reading;
use super::{StoreError, StoreOptions};

const THREADS: usize = 2;
/// Queries that may wait for a thread.
const WAITING: usize = 4096;
/// Connections that are kept for the next reader.
const KEPT: usize = 8;

/// A query, with the way to its caller.
pub(super) type Query = Box<dyn FnOnce(&Connection) + Send>;

/// Where queries are handed in. The threads end with it.
#[derive(Debug)]
pub(super) struct Readers {
    queue: mpsc::SyncSender<Query>,
    idle: Mutex<Vec<Connection>>,
    options: StoreOptions,
}

impl Readers {
    /// Starts the threads.
    ///
    /// # Errors
    /// Where no connection can be opened, or the system has no thread.
    pub(super) fn start(options: StoreOptions) -> Result<Self, StoreError> {
        let (queue, queries) = mpsc::sync_channel(WAITING);
        let queries = Arc::new(Mutex::new(queries));
        for number in 0..THREADS {
            let connection = open_for_reading(&options)?;
            let queries = Arc::clone(&queries);
            thread::Builder::new()
                .name(format!("store-reader-{number}"))
                .spawn(move || read_until_closed(&connection, &queries))
                .map_err(|error| StoreError::no_thread(&error))?;
        }
        Ok(Self {
            queue,
            idle: Mutex::default(),
            options,
        })
    }

    /// Hands in a query for a thread.
    ///
    /// # Errors
    /// [`StoreError::Overloaded`] where too many wait already.
    pub(super) fn submit(&self, query: Query) -> Result<(), StoreError> {
        self.queue.try_send(query).map_err(|error| match error {
            mpsc::TrySendError::Full(_) => StoreError::Overloaded,
            mpsc::TrySendError::Disconnected(_) => StoreError::Closed,
        })
    }

    /// Runs a query on the caller's thread.
    ///
    /// # Errors
    /// What the query returns, or why no connection can be opened.
    pub(super) fn run<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let kept = self.idle().pop();
        let connection = kept.map_or_else(|| open_for_reading(&self.options), Ok)?;
        let outcome = query(&connection);
        let mut idle = self.idle();
        // One that did not come out of its transaction serves nobody any more.
        if connection.is_autocommit() && idle.len() < KEPT {
            idle.push(connection);
        }
        outcome
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        // Nothing panics while it holds the list.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_until_closed(connection: &Connection, queries: &Mutex<mpsc::Receiver<Query>>) {
    loop {
        let query = queries
            .lock()
            .expect("a reader never panics while it holds the queue")
            .recv();
        match query {
            Ok(query) => query(connection),
            Err(mpsc::RecvError) => return,
        }
    }
}
