//! A log that is a file.
//!
//! Always so: it is read at an offset, so where a reader stands costs nothing.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::follow::Step;
use super::question_marks;
use crate::utf8::take_whole;

const PART: usize = 64 * 1024;
/// A character has at most so many bytes after its first.
const TAIL: u8 = 3;

/// A file, and how far it was read.
pub(super) struct FileLog {
    file: Arc<File>,
    at: u64,
}

impl FileLog {
    pub(super) fn new(file: File) -> Self {
        Self {
            file: Arc::new(file),
            at: 0,
        }
    }

    /// Goes to an offset, or to the end where that is before it; never into a character. Returns where it is.
    pub(super) async fn seek(&mut self, offset: u64) -> io::Result<u64> {
        let size = self.file.metadata()?.len();
        let offset = offset.min(size);
        let before = offset.saturating_sub(TAIL.into());
        let near = self.read_at(before, usize::from(TAIL) + 1).await?;
        let here = usize::try_from(offset - before).unwrap_or_default();
        self.at = offset - inside_character(&near, here);
        Ok(self.at)
    }

    pub(super) async fn next(&mut self) -> io::Result<Step> {
        let mut bytes = self.read_at(self.at, PART).await?;
        let text = take_whole(&mut bytes, question_marks);
        if text.is_empty() {
            return Ok(Step::Waiting);
        }
        self.at += text.len() as u64;
        Ok(Step::Text(text))
    }

    async fn read_at(&self, at: u64, size: usize) -> io::Result<Vec<u8>> {
        let file = Arc::clone(&self.file);
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; size];
            let read = file.read_at(&mut bytes, at)?;
            bytes.truncate(read);
            Ok(bytes)
        });
        read.await.map_err(io::Error::other)?
    }
}

/// How many bytes of a character are before `here`, where that is inside of one.
fn inside_character(near: &[u8], here: usize) -> u64 {
    let is_rest = |byte: u8| byte & 0b1100_0000 == 0b1000_0000;
    if !near.get(here).copied().is_some_and(is_rest) {
        return 0;
    }
    let first = near[..here].iter().rposition(|byte| !is_rest(*byte));
    let first = first.filter(|first| near[*first] >= 0b1100_0000);
    first.map_or(0, |first| (here - first) as u64)
}
