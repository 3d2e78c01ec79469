//! Copies what was written back into the database's file, beside those who write.
//!
//! Always so: nobody waits for it. Where it does not keep up, SQLite's own checkpoint bounds the log of changes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use rusqlite::Connection;

use super::StoreError;

/// Changes between two checkpoints; one writes about a page.
const EVERY: usize = 2048;

/// Says when it is time. The thread ends with it.
#[derive(Debug)]
pub(super) struct Checkpoints {
    since: AtomicUsize,
    due: mpsc::SyncSender<()>,
}

impl Checkpoints {
    /// Starts the thread, on a connection of its own.
    ///
    /// # Errors
    /// [`StoreError::NoThread`].
    pub(super) fn start(connection: Connection) -> Result<Self, StoreError> {
        let (due, times) = mpsc::sync_channel(1);
        thread::Builder::new()
            .name("store-checkpoints".to_owned())
            .spawn(move || times.iter().for_each(|()| checkpoint(&connection)))
            .map_err(|error| StoreError::no_thread(&error))?;
        Ok(Self {
            since: AtomicUsize::new(0),
            due,
        })
    }

    /// Counts changes that were written.
    pub(super) fn count(&self, changes: usize) {
        if self.since.fetch_add(changes, Ordering::Relaxed) + changes >= EVERY {
            self.since.store(0, Ordering::Relaxed);
            // Where one is due already, that one serves.
            let _ = self.due.try_send(());
        }
    }
}

fn checkpoint(connection: &Connection) {
    let outcome = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    if let Err(error) = outcome {
        tracing::debug!(%error, "a checkpoint was not made; a later one makes up for it");
    }
}
