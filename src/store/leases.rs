//! Work that one server at a time does for all that share the database: the table `leases`.
//!
//! Always so: who holds a lease renews it before its end; one that has ended is anybody's.

use rusqlite::Connection;

use super::{StoreError, Timestamp};

/// Takes or renews a lease until a moment. Says whether it is the holder's now.
///
/// # Errors
/// Those of the database.
pub fn take(
    connection: &Connection,
    name: &str,
    holder: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool, StoreError> {
    let query = "INSERT INTO leases (name, holder, until) VALUES (?1, ?2, ?4)
         ON CONFLICT (name) DO UPDATE SET holder = ?2, until = ?4 WHERE holder = ?2 OR until <= ?3";
    let changed = connection
        .prepare_cached(query)?
        .execute((name, holder, now, until))?;
    Ok(changed > 0)
}

/// Gives a lease back, so that another need not wait for its end.
///
/// # Errors
/// Those of the database.
pub fn release(connection: &Connection, name: &str, holder: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM leases WHERE name = ?1 AND holder = ?2")?
        .execute((name, holder))?;
    Ok(())
}
