//! Artifacts: the table `run_artifacts`.
//!
//! Always so: a run has one artifact of a name, and it keeps its id.

use millwright_core::refs::{Artifact, UpsertArtifact};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, named_params};

use super::{StoreError, Timestamp};

macro_rules! columns {
    () => {
        "id, run_id, name, kind, path, sha256, bytes, created_at"
    };
}

/// What is not sent keeps its value, as long as the path stays: a hash of something else is worth nothing.
const UPSERT: &str =
    "INSERT INTO run_artifacts (run_id, name, kind, path, sha256, bytes, created_at)
     VALUES (:run_id, :name, :kind, :path, :sha256, :bytes, :now)
     ON CONFLICT (run_id, name) DO UPDATE SET
        kind = :kind,
        path = :path,
        sha256 = iif(path = :path, coalesce(:sha256, sha256), :sha256),
        bytes = iif(path = :path, coalesce(:bytes, bytes), :bytes)";
const NAMED: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM run_artifacts WHERE run_id = ?1 AND name = ?2"
);

/// Registers an artifact, or registers it anew under its id.
///
/// # Errors
/// [`StoreError::NotFound`] where there is no such run.
pub fn upsert(
    connection: &Connection,
    run_id: &str,
    artifact: &UpsertArtifact,
    now: Timestamp,
) -> Result<Artifact, StoreError> {
    let values = named_params! {
        ":run_id": run_id,
        ":name": artifact.name,
        ":kind": artifact.kind,
        ":path": artifact.path,
        ":sha256": artifact.sha256,
        ":bytes": artifact.bytes,
        ":now": now,
    };
    let written = connection.prepare_cached(UPSERT)?.execute(values);
    written.map_err(|error| match error.sqlite_error_code() {
        // The run is the only other row that an artifact's row asks for.
        Some(ErrorCode::ConstraintViolation) => StoreError::NotFound("Run"),
        _ => error.into(),
    })?;
    let mut named = connection.prepare_cached(NAMED)?;
    Ok(named.query_row((run_id, &artifact.name), read)?)
}

/// A run's artifacts, of one kind or all, newest first.
///
/// # Errors
/// [`StoreError::NotFound`] where there is no such run.
pub fn list(
    connection: &Connection,
    run_id: &str,
    kind: Option<&str>,
) -> Result<Vec<Artifact>, StoreError> {
    let known = "SELECT 1 FROM codex_runs WHERE run_id = ?1";
    if !connection.prepare_cached(known)?.exists([run_id])? {
        return Err(StoreError::NotFound("Run"));
    }
    let query = concat!(
        "SELECT ",
        columns!(),
        " FROM run_artifacts WHERE run_id = ?1 AND (?2 IS NULL OR kind = ?2) ORDER BY id DESC"
    );
    let mut statement = connection.prepare_cached(query)?;
    let artifacts = statement.query_map((run_id, kind), read)?;
    Ok(artifacts.collect::<Result<_, _>>()?)
}

/// The artifact with an id.
///
/// # Errors
/// [`StoreError::NotFound`] where there is none, or where it is another run's.
pub fn get(connection: &Connection, run_id: &str, id: i64) -> Result<Artifact, StoreError> {
    let query = concat!("SELECT ", columns!(), " FROM run_artifacts WHERE id = ?1");
    let artifact = connection
        .prepare_cached(query)?
        .query_row([id], read)
        .optional()?;
    let artifact = artifact.ok_or(StoreError::NotFound("Artifact"))?;
    if artifact.run_id == run_id {
        Ok(artifact)
    } else {
        Err(StoreError::OfAnother("Artifact", "run"))
    }
}

/// The path of a run's artifact with a name.
///
/// # Errors
/// Those of the database.
pub fn path_of(
    connection: &Connection,
    run_id: &str,
    name: &str,
) -> Result<Option<String>, StoreError> {
    let query = "SELECT path FROM run_artifacts WHERE run_id = ?1 AND name = ?2";
    let mut statement = connection.prepare_cached(query)?;
    Ok(statement
        .query_row((run_id, name), |row| row.get(0))
        .optional()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Artifact> {
    Ok(Artifact {
        id: row.get(0)?,
        run_id: row.get(1)?,
        name: row.get(2)?,
        kind: row.get(3)?,
        path: row.get(4)?,
        sha256: row.get(5)?,
        bytes: row.get(6)?,
        created_at: row.get::<_, Timestamp>(7)?.to_row_text(),
    })
}
