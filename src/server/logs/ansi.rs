//! Logs without the codes that colour a terminal and move its cursor.
//!
//! Always so: offsets count the log's own bytes, also where some of them are left out; a code is never split.

use console::strip_ansi_codes;
use serde::Deserialize;
use utoipa::ToSchema;

use super::follow::{Chunk, Follower, LogError};

/// A code that does not end within so many bytes is none.
const LONGEST: usize = 256;

/// What becomes of a log's codes for terminals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ansi {
    /// They stay.
    #[default]
    Keep,
    /// They are left out.
    Strip,
}

impl Ansi {
    /// The next part of a log, of at most `most` of the log's bytes.
    pub(super) async fn read(
        self,
        follower: &mut Follower,
        most: usize,
    ) -> Result<Chunk, LogError> {
        let mut chunk = follower.read(most).await?;
        if self == Self::Keep {
            return Ok(chunk);
        }
        if let Some(begin) = unfinished(&chunk.text).filter(|_| !chunk.ended) {
            let rest = chunk.text.split_off(begin);
            chunk.next_offset -= rest.len() as u64;
            follower.unread(&rest);
        }
        chunk.text = strip_ansi_codes(&chunk.text).into_owned();
        Ok(chunk)
    }
}

/// Where a code begins whose end has not come.
fn unfinished(text: &str) -> Option<usize> {
    let from = text.floor_char_boundary(text.len().saturating_sub(LONGEST));
    let end = &text[from..];
    let title = end.rfind("\u{1b}]").filter(|at| {
        let rest = &end[at + 2..];
        !rest.contains('\u{7}') && !rest.contains("\u{1b}\\")
    });
    let last = end.rfind('\u{1b}').filter(|at| {
        let mut rest = end[at + 1..].bytes();
        match rest.next() {
            None => true,
            Some(b'[') => !rest.any(|byte| (0x40..=0x7e).contains(&byte)),
            Some(byte) if (0x20..=0x2f).contains(&byte) => {
                !rest.any(|byte| (0x30..=0x7e).contains(&byte))
            }
            Some(_) => false,
        }
    });
    title.or(last).map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_unfinished_until_its_last_byte_has_come() {
        let whole = [
            "\u{1b}[31m",
            "\u{1b}[1;32;40m",
            "\u{1b}]0;title\u{7}",
            "\u{1b}]8;;x\u{1b}\\",
            "\u{1b}(B",
        ];
        for code in whole {
            let text = format!("\u{e9}{code}");
            assert_eq!(unfinished(&text), None, "{code:?}");
            for cut in 1..code.len() {
                let text = format!("\u{e9}{}", &code[..cut]);
                assert_eq!(unfinished(&text), Some(2), "{:?}", &code[..cut]);
            }
        }
        assert_eq!(unfinished("plain [31m"), None);
        assert_eq!(unfinished(&format!("\u{1b}[{}", "1".repeat(LONGEST))), None);
    }
}
