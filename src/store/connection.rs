//! How a connection to the database's file is opened and set up.
//!
//! Always so: a file that is another program's, or a newer one's, is refused before anything in it changes.

use std::path::Path;
use std::{fs, io};

use rusqlite::{Connection, OpenFlags};

use super::{StoreError, StoreOptions, migrations};

/// A connection that may write, to a file that is made where it is missing.
pub(super) fn open_for_writing(options: &StoreOptions) -> Result<Connection, StoreError> {
    let path = &options.path;
    let failed = |reason: String| StoreError::Open {
        path: path.clone(),
        reason,
    };
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        make(folder).map_err(|error| failed(error.to_string()))?;
    }
    let connection = Connection::open(path).map_err(|error| failed(error.to_string()))?;
    configure(&connection, options)?;
    refuse_newer(&connection, path)?;
    refuse_foreign(&connection, path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // Ids come in no order: 16 MiB keep the pages that they fall on.
    connection.pragma_update(None, "cache_size", -16 * 1024)?;
    Ok(connection)
}

/// Makes the database's folder where it is missing, and keeps what comes into it out of the user's git.
fn make(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    // Where there is no room for it, the database tells.
    let _ = fs::write(folder.join(".gitignore"), "*\n");
    Ok(())
}

/// A connection that only reads, to a file that is there.
pub(super) fn open_for_reading(options: &StoreOptions) -> Result<Connection, StoreError> {
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
    // Checkpoints are made beside the writers: this one, at 32 MiB, is for when that does not keep up.
    connection.pragma_update(None, "wal_autocheckpoint", 8 * 1024)?;
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
