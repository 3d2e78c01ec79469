//! The tables' versions: each file of `migrations/` takes them one further.
//!
//! Always so: a file that has been released is never changed; a change is a new file that first expands
//! (new tables and columns), and only a later one contracts.

use rusqlite::Connection;

use super::StoreError;

const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_runs.sql"),
    include_str!("migrations/0002_protocols.sql"),
    include_str!("migrations/0003_jobs.sql"),
    include_str!("migrations/0004_reports.sql"),
    include_str!("migrations/0005_clarifications.sql"),
    include_str!("migrations/0007_runs_of_jobs.sql"),
    include_str!("migrations/0008_pull_requests.sql"),
    include_str!("migrations/0009_plannings.sql"),
    include_str!("migrations/0010_lost_claims.sql"),
    include_str!("migrations/0011_webhooks.sql"),
    include_str!("migrations/0012_policies.sql"),
    include_str!("migrations/0013_reconciliation.sql"),
    include_str!("migrations/0014_waiting.sql"),
];

/// The newest version that this program knows.
pub(super) fn known_version() -> u32 {
    u32::try_from(MIGRATIONS.len()).expect("a few migrations")
}

/// The version of an open database.
pub(super) fn version(connection: &Connection) -> Result<u32, StoreError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Brings an open database to the newest version, in one transaction.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let from = version(&transaction)? as usize;
    for migration in MIGRATIONS.iter().skip(from) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", known_version())?;
    transaction.commit()?;
    Ok(())
}
