//! What can go wrong with the database.
//!
//! Always so: a message names the database's file and what to do.

use std::path::{Path, PathBuf};

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address of the database is not understood.
    #[error(
        "{0:?} is not a database address: use sqlite://PATH, such as sqlite://.millwright/millwright.db"
    )]
    BadAddress(String),
    /// The file cannot be opened or made.
    #[error("cannot open the database {path}: {reason}", path = path.display())]
    Open {
        /// The database's file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A newer program has changed the tables.
    #[error(
        "the database {path} has version {found}, and this program knows versions up to {known}: use a newer millwright, or another database",
        path = path.display()
    )]
    Newer {
        /// The database's file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// The file is the database of another program.
    #[error("{path} is the database of another program: name another file", path = .0.display())]
    Foreign(PathBuf),
    /// Another process holds the database.
    #[error("the database is locked by another process: stop it, or use another database")]
    Locked,
    /// The disk is full.
    #[error("the disk is full: free some room and try again; nothing was half-written")]
    Full,
    /// What was asked for is not there.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// What was asked for belongs elsewhere.
    #[error("{0} not found for {1}")]
    OfAnother(&'static str, &'static str),
    /// A row names another that does not exist.
    #[error("{0}")]
    Missing(String),
    /// The state of a row does not allow what was asked.
    #[error("{0}")]
    Conflict(String),
    /// More waits to be done than is good for anyone.
    #[error("too much waits for the database already: try again in a moment")]
    Overloaded,
    /// The database is closing.
    #[error("the database is closed")]
    Closed,
    /// The work that was to be done in the database panicked; nothing of it was kept.
    #[error("the program failed while it used the database: {0}; please report it")]
    Panicked(String),
    /// The system has no thread to work with the database.
    #[error("cannot start a thread for the database: {0}")]
    NoThread(String),
    /// Anything else that SQLite reports.
    #[error("the database failed: {0}")]
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::DiskFull) => Self::Full,
            _ => Self::Sqlite(error),
        }
    }
}

impl StoreError {
    /// What ended a group, for each of its callers. It cannot be cloned: its code and text are what is passed on.
    pub(super) fn again(&self) -> Self {
        use rusqlite::Error::SqliteFailure;
        match self {
            Self::Full => Self::Full,
            Self::Locked => Self::Locked,
            Self::Sqlite(SqliteFailure(code, text)) => {
                Self::Sqlite(SqliteFailure(*code, text.clone()))
            }
            other => Self::Sqlite(SqliteFailure(
                rusqlite::ffi::Error::new(1),
                Some(other.to_string()),
            )),
        }
    }

    pub(super) fn no_thread(error: &std::io::Error) -> Self {
        Self::NoThread(error.to_string())
    }

    /// Names the file where SQLite could not open it.
    pub(super) fn at(self, path: &Path) -> Self {
        match self {
            Self::Sqlite(error) => Self::Open {
                path: path.to_owned(),
                reason: error.to_string(),
            },
            other => other,
        }
    }
}
