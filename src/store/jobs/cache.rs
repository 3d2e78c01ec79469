//! Results that are kept for a while.
//!
//! Always so: what was kept at a later time than now is not used, so that a clock that was set back prolongs nothing.

use rusqlite::{Connection, OptionalExtension, params};

use crate::store::{StoreError, Timestamp};

/// The result that is kept under a key, as JSON text; `None` where its time is over.
///
/// # Errors
/// What the database says.
pub fn cached(connection: &Connection, key: &[u8]) -> Result<Option<String>, StoreError> {
    let found = connection
        .prepare_cached(
            "SELECT result FROM job_cache WHERE key = ?1 AND kept_at <= ?2 AND kept_until > ?2",
        )?
        .query_row(params![key, Timestamp::now()], |row| row.get(0));
    Ok(found.optional()?)
}

/// Keeps a result, as JSON text, for so many seconds. What is over goes.
///
/// # Errors
/// What the database says.
pub fn keep_cached(
    connection: &Connection,
    key: &[u8],
    result: &str,
    seconds: u64,
) -> Result<(), StoreError> {
    let now = Timestamp::now();
    let micros = i64::try_from(seconds)
        .unwrap_or(i64::MAX)
        .saturating_mul(1_000_000);
    connection
        .prepare_cached("DELETE FROM job_cache WHERE kept_until <= ?1")?
        .execute([now])?;
    connection
        .prepare_cached(
            "INSERT INTO job_cache (key, result, kept_at, kept_until) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (key) DO UPDATE SET result = ?2, kept_at = ?3, kept_until = ?4",
        )?
        .execute(params![key, result, now, now.0.saturating_add(micros)])?;
    Ok(())
}
