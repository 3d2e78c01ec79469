//! The database's threads: one that writes in groups, a few that read.
//!
//! Always so: a write is answered after the transaction that holds it is committed, and one write's failure
//! undoes that write alone.

use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::oneshot;

use super::{StoreError, migrations};

/// Writes that one transaction takes at most: enough to share a commit, few enough to answer soon.
const GROUP: usize = 256;
const READERS: usize = 2;
const PREFIX: &str = "sqlite://";

/// How to open a database.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The database's file; it is made where it is missing.
    pub path: PathBuf,
    /// How long to wait for another process that holds the database.
    pub busy_timeout: Duration,
}

/// An open database. Cloning it is cheap; the threads end with the last clone.
#[derive(Debug, Clone)]
pub struct Store {
    writer: mpsc::Sender<WriteJob>,
    reader: mpsc::Sender<ReadJob>,
}

type ReadJob = Box<dyn FnOnce(&Connection) + Send>;
/// Does the work inside the open transaction, where there is one.
type WriteJob = Box<dyn FnOnce(Option<&Connection>) -> Written + Send>;
/// Tells the caller how the group ended.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Work that was done and is not yet committed.
struct Written {
    answer: Answer,
    /// Why the database ended the whole transaction in the middle of this work, where it did.
    ended: Option<StoreError>,
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
        let mut connection = prepare(options).map_err(|error| error.at(&options.path))?;
        let (writer, write_jobs) = mpsc::channel();
        spawn("store-writer", move || {
            write_in_groups(&mut connection, &write_jobs);
        })?;
        let (reader, read_jobs) = mpsc::channel();
        let read_jobs = Arc::new(Mutex::new(read_jobs));
        for number in 0..READERS {
            let connection = open_for_reading(options)?;
            let read_jobs = Arc::clone(&read_jobs);
            spawn(&format!("store-reader-{number}"), move || {
                read_until_closed(&connection, &read_jobs);
            })?;
        }
        Ok(Self { writer, reader })
    }

    /// Runs a query on a reader.
    ///
    /// # Errors
    /// What the query returns, or [`StoreError::Closed`].
    pub async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.send_read(query)?
            .await
            .map_err(|_| StoreError::Closed)?
    }

    /// [`Store::read`] for a thread that may block.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read_blocking<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.send_read(query)?
            .blocking_recv()
            .map_err(|_| StoreError::Closed)?
    }

    /// Runs a change on the writer. All that it does is kept, or, where it fails, nothing.
    ///
    /// # Errors
    /// What the change returns, the commit's failure, or [`StoreError::Closed`].
    pub async fn write<T, F>(&self, change: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.send_write(change)?
            .await
            .map_err(|_| StoreError::Closed)?
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
        self.send_write(change)?
            .blocking_recv()
            .map_err(|_| StoreError::Closed)?
    }

    fn send_read<T, F>(
        &self,
        query: F,
    ) -> Result<oneshot::Receiver<Result<T, StoreError>>, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, receiver) = oneshot::channel();
        let job: ReadJob =
            Box::new(move |connection| drop(answer.send(unpanicked(|| query(connection)))));
        self.reader.send(job).map_err(|_| StoreError::Closed)?;
        Ok(receiver)
    }

    fn send_write<T, F>(
        &self,
        change: F,
    ) -> Result<oneshot::Receiver<Result<T, StoreError>>, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, receiver) = oneshot::channel();
        let job: WriteJob = Box::new(move |connection| {
            let outcome = match connection {
                Some(connection) => in_savepoint(connection, change),
                None => Err(StoreError::Closed),
            };
            let is_over = connection.is_some_and(Connection::is_autocommit);
            let ended = outcome.as_ref().err().filter(|_| is_over).map(again);
            Written {
                answer: Box::new(move |committed| drop(answer.send(committed.and(outcome)))),
                ended,
            }
        });
        self.writer.send(job).map_err(|_| StoreError::Closed)?;
        Ok(receiver)
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map(drop).map_err(|error| StoreError::Open {
        path: name.into(),
        reason: error.to_string(),
    })
}

fn write_in_groups(connection: &mut Connection, jobs: &mpsc::Receiver<WriteJob>) {
    while let Ok(first) = jobs.recv() {
        let group = std::iter::once(first).chain(jobs.try_iter().take(GROUP - 1));
        commit_group(connection, group);
    }
}

fn commit_group(connection: &mut Connection, group: impl Iterator<Item = WriteJob>) {
    let begun = connection.execute_batch("BEGIN IMMEDIATE");
    // A full disk ends the transaction in the middle of the group: what follows must not run outside of it.
    let in_transaction = |connection: &Connection| begun.is_ok() && !connection.is_autocommit();
    let mut ended = None;
    let answers: Vec<Answer> = group
        .map(|job| {
            let written = job(in_transaction(connection).then_some(&*connection));
            ended = ended.take().or(written.ended);
            written.answer
        })
        .collect();
    let committed = match ended {
        Some(error) => Err(error),
        None => begun
            .and_then(|()| connection.execute_batch("COMMIT"))
            .map_err(StoreError::from),
    };
    if committed.is_err() && !connection.is_autocommit() {
        // Where even this fails, the next BEGIN reports it.
        drop(connection.execute_batch("ROLLBACK"));
    }
    for answer in answers {
        answer(committed.as_ref().map_err(again).copied());
    }
}

/// What ended a group, for each of its callers. It cannot be cloned: its code and text are what is passed on.
fn again(error: &StoreError) -> StoreError {
    use rusqlite::Error::SqliteFailure;
    match error {
        StoreError::Full => StoreError::Full,
        StoreError::Locked => StoreError::Locked,
        StoreError::Sqlite(SqliteFailure(code, text)) => {
            StoreError::Sqlite(SqliteFailure(*code, text.clone()))
        }
        other => StoreError::Sqlite(SqliteFailure(
            rusqlite::ffi::Error::new(1),
            Some(other.to_string()),
        )),
    }
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

/// Does work for a caller. A thread of the database serves everyone, so one caller's panic must not end it: what the panic
/// leaves behind is the caller's own, and the transaction, which is rolled back.
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

fn read_until_closed(connection: &Connection, jobs: &Mutex<mpsc::Receiver<ReadJob>>) {
    loop {
        let job = jobs
            .lock()
            .expect("a reader never panics while it holds the queue")
            .recv();
        match job {
            Ok(job) => job(connection),
            Err(mpsc::RecvError) => return,
        }
    }
}

fn prepare(options: &StoreOptions) -> Result<Connection, StoreError> {
    let mut connection = open_for_writing(options)?;
    migrations::migrate(&mut connection)?;
    Ok(connection)
}

fn open_for_writing(options: &StoreOptions) -> Result<Connection, StoreError> {
    let path = &options.path;
    let failed = |reason: String| StoreError::Open {
        path: path.clone(),
        reason,
    };
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
    }
    let connection = Connection::open(path).map_err(|error| failed(error.to_string()))?;
    configure(&connection, options)?;
    refuse_newer(&connection, path)?;
    refuse_foreign(&connection, path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    Ok(connection)
}

fn open_for_reading(options: &StoreOptions) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&options.path, flags)?;
    configure(&connection, options)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn configure(connection: &Connection, options: &StoreOptions) -> Result<(), StoreError> {
    connection.busy_timeout(options.busy_timeout)?;
    // In WAL mode NORMAL loses nothing when the process dies, only when the machine does.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Pages that change often are copied back into the file once for many changes: 16 MiB of log in between.
    connection.pragma_update(None, "wal_autocheckpoint", 4096)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}

fn refuse_newer(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let (found, known) = (
        migrations::version(connection)?,
        migrations::known_version(),
    );
    if found > known {
        Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known,
        })
    } else {
        Ok(())
    }
}

/// A database without a version that has tables is somebody else's.
fn refuse_foreign(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 || migrations::version(connection)? > 0 {
        return Ok(());
    }
    Err(StoreError::Foreign(path.to_owned()))
}
