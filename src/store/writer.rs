//! The changes on their way to the database: whoever brings one writes all that wait, as one group.
//!
//! Always so: one thread at a time writes; a change that waits is done by who holds the connection, by who brought it, or by
//! the writer's own thread, which alone waits where another process holds the database.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use super::StoreError;
use super::checkpoints::Checkpoints;

/// Changes that one transaction takes at most: enough to share a commit, few enough to answer soon.
const GROUP: usize = 256;
/// Groups that one caller writes for others, before the writer's own thread goes on.
const TURNS: usize = 4;
/// Changes that may wait. More come only where the database is held by another process.
const WAITING: usize = 4096;

/// Makes a change inside the open transaction, where there is one.
pub(super) type Change = Box<dyn FnOnce(Option<&Connection>) -> Written + Send>;

/// A change that was made and is not yet committed.
pub(super) struct Written {
    /// Tells the caller how the group ended.
    pub(super) answer: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
    /// Why the database ended the whole transaction in the middle of this change, where it did.
    pub(super) ended: Option<StoreError>,
}

/// Where changes are handed in. The writer's thread ends with it, after the last change.
#[derive(Debug)]
pub(super) struct Writer(Arc<Shared>);

struct Shared {
    connection: Mutex<Connection>,
    queue: Mutex<Queue>,
    called: Condvar,
    patience: Duration,
    checkpoints: Checkpoints,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Change>,
    /// Whether the thread is wanted.
    called: bool,
    closed: bool,
}

impl Writer {
    /// Starts the thread. `patience` is how long another process that holds the database is waited for.
    ///
    /// # Errors
    /// [`StoreError::NoThread`].
    pub(super) fn start(
        connection: Connection,
        patience: Duration,
        checkpoints: Checkpoints,
    ) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared {
            connection: Mutex::new(connection),
            queue: Mutex::default(),
            called: Condvar::new(),
            patience,
            checkpoints,
        });
        let thread = Arc::clone(&shared);
        thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || thread.write_until_closed())
            .map_err(|error| StoreError::no_thread(&error))?;
        Ok(Self(shared))
    }

    /// Hands in a change. Whoever does calls [`Writer::write`] afterwards.
    ///
    /// # Errors
    /// [`StoreError::Overloaded`] where too many wait already.
    pub(super) fn submit(&self, change: Change) -> Result<(), StoreError> {
        let mut queue = self.0.queue();
        if queue.waiting.len() >= WAITING {
            return Err(StoreError::Overloaded);
        }
        queue.waiting.push_back(change);
        Ok(())
    }

    /// Sees to it that what waits is written, now or soon.
    pub(super) fn write(&self) {
        if !self.0.is_idle() {
            self.0.write_some();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.queue().closed = true;
        self.0.called.notify_one();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it holds the queue.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<Change> {
        self.queue().waiting.pop_front()
    }

    fn is_idle(&self) -> bool {
        self.queue().waiting.is_empty()
    }

    /// Writes what waits, as long as nobody else does and nothing holds it up. Who holds the connection looks at the queue
    /// again after it lets go, so nothing that was handed in meanwhile is forgotten.
    fn write_some(&self) {
        for _ in 0..TURNS {
            let connection = match self.connection.try_lock() {
                Ok(connection) => connection,
                Err(TryLockError::Poisoned(connection)) => connection.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            let written = self.write_group(&connection, None);
            drop(connection);
            if !written {
                break;
            }
            if self.is_idle() {
                return;
            }
        }
        self.queue().called = true;
        self.called.notify_one();
    }

    fn write_until_closed(&self) {
        while self.is_called() {
            while !self.is_idle() {
                let connection = self.connection.lock();
                let connection = connection.unwrap_or_else(PoisonError::into_inner);
                self.write_group(&connection, Some(self.patience));
            }
        }
    }

    /// Waits for work; `false` once there can be no more.
    fn is_called(&self) -> bool {
        let idle = |queue: &mut Queue| !queue.called && !queue.closed;
        let waited = self.called.wait_while(self.queue(), idle);
        let mut queue = waited.unwrap_or_else(PoisonError::into_inner);
        queue.called = false;
        !(queue.closed && queue.waiting.is_empty())
    }

    /// Writes a group and answers it. Without patience, `false` where another process holds the database.
    fn write_group(&self, connection: &Connection, patience: Option<Duration>) -> bool {
        let begun = begin(connection, patience.unwrap_or_default());
        if patience.is_none() && begun.as_ref().is_err_and(is_held) {
            return false;
        }
        // Who has waited in vain has waited long enough: all are told.
        let most = if begun.is_ok() { GROUP } else { WAITING };
        let group = std::iter::from_fn(|| self.next()).take(most);
        let changes = commit_group(connection, begun, group);
        self.checkpoints.count(changes);
        true
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

fn begin(connection: &Connection, patience: Duration) -> rusqlite::Result<()> {
    connection.busy_timeout(patience)?;
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    Ok(())
}

fn is_held(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

/// Makes the changes of a group and returns how many there were.
fn commit_group(
    connection: &Connection,
    begun: rusqlite::Result<()>,
    group: impl Iterator<Item = Change>,
) -> usize {
    // A full disk ends the transaction in the middle of the group: what follows must not run outside of it.
    let in_transaction = |connection: &Connection| begun.is_ok() && !connection.is_autocommit();
    let mut ended = None;
    let answers: Vec<_> = group
        .map(|change| {
            let written = change(in_transaction(connection).then_some(connection));
            ended = ended.take().or(written.ended);
            written.answer
        })
        .collect();
    let committed = match ended {
        Some(error) => Err(error),
        None => begun
            .and_then(|()| commit(connection))
            .map_err(StoreError::from),
    };
    if committed.is_err() && !connection.is_autocommit() {
        // Where even this fails, the next BEGIN reports it.
        drop(connection.execute_batch("ROLLBACK"));
    }
    let changes = answers.len();
    for answer in answers {
        answer(committed.as_ref().map_err(StoreError::again).copied());
    }
    changes
}

fn commit(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}
