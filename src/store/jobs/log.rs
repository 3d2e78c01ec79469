//! A job's log, kept in pieces.
//!
//! Always so: a piece knows where it begins and ends, in bytes and in characters, so reading from an offset costs
//! one piece and not the log; and no answer splits a character.

use millwright_core::refs::JobId;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::record::seq_of;
use crate::store::StoreError;

/// How much text one row holds at most.
const PIECE: usize = 64 * 1024;

/// A length or place in a log, by both measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogSize {
    /// In bytes.
    pub bytes: u64,
    /// In characters.
    pub chars: u64,
}

/// Where to read from. One past the end yields nothing; one inside a character, what follows that character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offset {
    /// So many bytes from the beginning.
    Bytes(u64),
    /// So many characters from the beginning.
    Chars(u64),
}

/// A part of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPart {
    /// The text.
    pub text: String,
    /// Where it ends: where to go on.
    pub end: LogSize,
    /// How long the whole log is by now.
    pub total: LogSize,
}

/// Adds text to the end of a job's log.
///
/// # Errors
/// [`StoreError::NotFound`], else what the database says.
pub fn append_log(connection: &Connection, id: JobId, text: &str) -> Result<(), StoreError> {
    if text.is_empty() {
        return Ok(());
    }
    let seq = seq_of(connection, id)?;
    let mut at = size_of(connection, seq)?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO job_logs (job, byte_start, byte_end, char_start, char_end, text)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for piece in pieces(text) {
        let end = at.after(piece);
        insert.execute(params![
            seq,
            number(at.bytes),
            number(end.bytes),
            number(at.chars),
            number(end.chars),
            piece
        ])?;
        at = end;
    }
    Ok(())
}

/// How long a job's log is by now.
///
/// # Errors
/// [`StoreError::NotFound`], else what the database says.
pub fn log_size(connection: &Connection, id: JobId) -> Result<LogSize, StoreError> {
    size_of(connection, seq_of(connection, id)?)
}

/// Reads at most `limit` bytes of a job's log (at least one character where there is one).
///
/// # Errors
/// [`StoreError::NotFound`], else what the database says.
pub fn read_log(
    connection: &Connection,
    id: JobId,
    from: Offset,
    limit: usize,
) -> Result<LogPart, StoreError> {
    let seq = seq_of(connection, id)?;
    let total = size_of(connection, seq)?;
    let mut part = LogPart {
        text: String::new(),
        end: total,
        total,
    };
    let mut from = from;
    while part.text.len() < limit {
        let Some((start, piece)) = piece_at(connection, seq, from)? else {
            break;
        };
        let skip = start_in(&piece, start, from);
        let begin = start.after(&piece[..skip]);
        let text = cut(
            &piece[skip..],
            limit - part.text.len(),
            part.text.is_empty(),
        );
        part.end = begin.after(text);
        part.text.push_str(text);
        if text.len() < piece.len() - skip {
            break;
        }
        from = Offset::Bytes(part.end.bytes);
    }
    Ok(part)
}

impl LogSize {
    /// Where this place is after more text.
    #[must_use]
    pub fn after(self, text: &str) -> Self {
        Self {
            bytes: self.bytes + text.len() as u64,
            chars: self.chars + text.chars().count() as u64,
        }
    }
}

fn size_of(connection: &Connection, seq: i64) -> Result<LogSize, StoreError> {
    let size = connection
        .prepare_cached(
            "SELECT byte_end, char_end FROM job_logs WHERE job = ?1 ORDER BY byte_start DESC LIMIT 1",
        )?
        .query_row([seq], size_from)
        .optional()?;
    Ok(size.unwrap_or_default())
}

fn size_from(row: &Row<'_>) -> rusqlite::Result<LogSize> {
    let natural = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
    Ok(LogSize {
        bytes: natural(0)?,
        chars: natural(1)?,
    })
}

/// SQLite's numbers have a sign.
fn number(natural: u64) -> i64 {
    i64::try_from(natural).unwrap_or(i64::MAX)
}

/// The last piece that begins at or before an offset: one step in the index. Where the piece ends is not asked here, since
/// SQLite would look for one that reaches further through all that is before.
const PIECE_AT_BYTE: &str = "SELECT byte_start, char_start, text FROM job_logs
     WHERE job = ?1 AND byte_start <= ?2 ORDER BY byte_start DESC LIMIT 1";
const PIECE_AT_CHAR: &str = "SELECT byte_start, char_start, text FROM job_logs
     WHERE job = ?1 AND char_start <= ?2 ORDER BY char_start DESC LIMIT 1";

/// The piece that holds an offset, with where it begins.
fn piece_at(
    connection: &Connection,
    seq: i64,
    from: Offset,
) -> Result<Option<(LogSize, String)>, StoreError> {
    let (sql, offset) = match from {
        Offset::Bytes(offset) => (PIECE_AT_BYTE, offset),
        Offset::Chars(offset) => (PIECE_AT_CHAR, offset),
    };
    let piece: Option<(LogSize, String)> = connection
        .prepare_cached(sql)?
        .query_row(params![seq, number(offset)], |row| {
            Ok((size_from(row)?, row.get(2)?))
        })
        .optional()?;
    Ok(piece.filter(|(start, text)| holds(*start, text, from)))
}

/// Whether an offset that is not before a piece is not past it either.
fn holds(start: LogSize, text: &str, from: Offset) -> bool {
    let end = start.after(text);
    match from {
        Offset::Bytes(offset) => offset < end.bytes,
        Offset::Chars(offset) => offset < end.chars,
    }
}

/// The byte of a piece at which an offset lies.
fn start_in(piece: &str, start: LogSize, from: Offset) -> usize {
    let distance = match from {
        Offset::Bytes(offset) => offset - start.bytes,
        Offset::Chars(offset) => offset - start.chars,
    };
    let distance = usize::try_from(distance).unwrap_or(usize::MAX);
    match from {
        Offset::Bytes(_) => piece.ceil_char_boundary(distance.min(piece.len())),
        Offset::Chars(_) => piece
            .char_indices()
            .nth(distance)
            .map_or(piece.len(), |(at, _)| at),
    }
}

/// As much of a text as fits, but at least a character where `some` is asked for.
fn cut(text: &str, limit: usize, some: bool) -> &str {
    let fits = &text[..text.floor_char_boundary(limit.min(text.len()))];
    if fits.is_empty() && some {
        let first = text.chars().next().map_or(0, char::len_utf8);
        return &text[..first];
    }
    fits
}

fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (piece, rest) = text.split_at(text.floor_char_boundary(PIECE.min(text.len())));
        text = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::store::jobs::{JobKind, JobState, NewJob, insert};
    use crate::store::{Store, StoreOptions};

    fn job_of(connection: &Connection) -> Result<JobId, StoreError> {
        let id = JobId(Uuid::now_v7());
        let job = NewJob {
            id,
            workspace: "w".to_owned(),
            kind: JobKind::Preview,
            state: JobState::Running,
            parent: None,
            root: id,
            step_id: None,
            path: None,
            script_hash: None,
            language: None,
            created_by: "someone".to_owned(),
            owner: "1:1".to_owned(),
            args: "{}".to_owned(),
            raw_flow: None,
            flow_status: None,
        };
        insert(connection, &job)?;
        Ok(id)
    }

    fn written(texts: Vec<String>) -> (tempfile::TempDir, Store, JobId) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&StoreOptions::file(folder.path().join("log.db"))).unwrap();
        let id = store
            .write_blocking(move |connection| {
                let id = job_of(connection)?;
                for text in &texts {
                    append_log(connection, id, text)?;
                }
                Ok(id)
            })
            .unwrap();
        (folder, store, id)
    }

    fn read(store: &Store, id: JobId, from: Offset, limit: usize) -> LogPart {
        store
            .read_blocking(move |connection| read_log(connection, id, from, limit))
            .unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn parts_add_up_to_the_log(
            texts in prop::collection::vec("[a\\n\u{e9}\u{2192}\u{1d11e}]{0,9}", 0..6),
            limit in 1_usize..9,
            by_chars: bool,
        ) {
            let whole = texts.concat();
            let (_folder, store, id) = written(texts);
            let (mut read_back, mut at) = (String::new(), LogSize::default());
            loop {
                let from = if by_chars { Offset::Chars(at.chars) } else { Offset::Bytes(at.bytes) };
                let part = read(&store, id, from, limit);
                prop_assert_eq!(part.end, at.after(&part.text));
                if part.text.is_empty() {
                    break;
                }
                read_back.push_str(&part.text);
                at = part.end;
            }
            prop_assert_eq!(at, LogSize::default().after(&whole));
            prop_assert_eq!(read_back, whole);
        }
    }

    #[test]
    fn an_offset_inside_a_character_goes_on_after_it() {
        let (_folder, store, id) = written(vec!["a\u{2192}b".to_owned()]);
        assert_eq!(read(&store, id, Offset::Bytes(2), 10).text, "b");
        assert_eq!(read(&store, id, Offset::Chars(1), 10).text, "\u{2192}b");
        assert_eq!(read(&store, id, Offset::Bytes(99), 10).text, "");
    }

    #[test]
    fn the_end_is_found_in_one_step() {
        let (_folder, store, id) = written(vec!["x".to_owned(); 1000]);
        for (from, sql) in [
            (Offset::Bytes(1000), PIECE_AT_BYTE),
            (Offset::Chars(1000), PIECE_AT_CHAR),
        ] {
            let steps = store.read_blocking(move |connection| {
                assert_eq!(read_log(connection, id, from, 10)?.text, "");
                let statement = connection.prepare_cached(sql)?;
                Ok(statement.get_status(rusqlite::StatementStatus::VmStep))
            });
            let steps = steps.unwrap();
            assert!((1..100).contains(&steps), "{from:?}: {steps} steps");
        }
    }

    #[test]
    fn long_text_is_kept_in_pieces() {
        let (_folder, store, id) = written(vec!["\u{e9}".repeat(PIECE)]);
        let part = read(&store, id, Offset::Chars(PIECE as u64 - 1), 10);
        assert_eq!(part.text, "\u{e9}");
        assert_eq!(part.total.bytes, 2 * PIECE as u64);
        let long = read(&store, id, Offset::Bytes(0), 3 * PIECE);
        assert_eq!(long.end, long.total);
    }
}
