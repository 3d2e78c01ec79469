//! Older parts of a job's log that Windmill moved to files.
//!
//! Always so: where the files cannot be had, the line that names them stays in the log.

use axum::body::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use millwright_core::refs::JobId;

use super::question_marks;
use crate::server::jobs::{JobError, JobServer};
use crate::utf8::take_whole;

/// How the line begins, after an optional line break.
const MARK: &str = "[windmill] ";
/// The line is never longer.
const LINE: usize = 512;
const END: &str = ".txt";

/// The files of a log, to be read in order, and the text that follows them.
pub(super) struct Saved {
    /// The newest first; the last one is next.
    files: Vec<String>,
    open: Option<Content>,
    /// How far they were handed out.
    at: Place,
    /// Whether the oldest of them is the log's beginning.
    whole: bool,
    /// How much of the next file to leave out: bytes, then characters.
    leave_out: usize,
    skip: u64,
    /// Whether the next file begins with a line that names one that was read.
    strips: bool,
    after: Option<String>,
}

/// A place in the files.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    /// How many files were opened before the one that it is in.
    files: usize,
    /// Bytes of that one.
    bytes: usize,
}

/// A file that is being read.
struct Content {
    stream: BoxStream<'static, Result<Bytes, JobError>>,
    bytes: Vec<u8>,
    /// Whether its beginning, which names an older file, is left out.
    strips: bool,
}

/// Whether a text may be the beginning of such a line.
pub(super) fn may_go_on(text: &str) -> bool {
    let line = text.strip_prefix('\n').unwrap_or(text);
    let begins = line.starts_with(MARK) || MARK.starts_with(line);
    begins && text.len() < LINE && !line.contains('\n')
}

/// Whether a text begins with such a line.
pub(super) fn names_file(text: &str, job: JobId) -> bool {
    named_file(text, job).is_some()
}

impl Saved {
    /// The files before a log that begins with `text`, where it names one and the server has it. Of a log of which so many
    /// characters were `read`, what follows them.
    pub(super) async fn find(
        server: &JobServer,
        job: JobId,
        text: &str,
        read: u64,
    ) -> Result<Option<Self>, JobError> {
        let mut files = Vec::new();
        let mut begin = text.to_owned();
        let mut after = None;
        let mut skip = read;
        while let Some((name, rest)) = named_file(&begin, job) {
            match end_of(name) {
                _ if read == 0 => {}
                None => return Ok(None),
                Some(end) if end <= read => {
                    after.get_or_insert_with(|| rest.to_owned());
                    skip = read - end;
                    break;
                }
                Some(_) => {}
            }
            let stream = match server.saved_log(job, name).await {
                Err(JobError::NotFound(_)) if read > 0 => return Ok(None),
                Err(JobError::NotFound(_)) => break,
                found => found?,
            };
            after.get_or_insert_with(|| rest.to_owned());
            files.push(name.to_owned());
            begin = Content::new(stream, false).beginning().await?;
        }
        Ok(after.map(|after| Self {
            files,
            open: None,
            at: Place::default(),
            whole: read == 0,
            leave_out: 0,
            skip,
            strips: read > 0 && skip == 0,
            after: Some(after),
        }))
    }

    /// How far the files were handed out; `None` past them.
    pub(super) fn place(&self) -> Option<Place> {
        (self.whole && self.open.is_some()).then_some(self.at)
    }

    /// Goes to a place that was one of the same files, though there may be newer ones now.
    pub(super) fn go_past(&mut self, place: Place) {
        self.files
            .truncate(self.files.len().saturating_sub(place.files));
        self.at.files = place.files;
        self.strips = place.files > 0;
        self.leave_out = place.bytes;
    }

    /// The next text; `None` when all was read.
    pub(super) async fn next(
        &mut self,
        server: &JobServer,
        job: JobId,
    ) -> Result<Option<String>, JobError> {
        loop {
            if let Some(content) = &mut self.open {
                let text = content.next(job).await?;
                match self.advance(text) {
                    Some(text) if text.is_empty() => continue,
                    Some(text) => return Ok(Some(text)),
                    None => {}
                }
            }
            let Some(name) = self.files.last() else {
                return Ok(self.after.take().filter(|text| !text.is_empty()));
            };
            let content = server.saved_log(job, name).await?;
            self.files.pop();
            let strips = std::mem::replace(&mut self.strips, true);
            self.open = Some(Content::new(content, strips));
        }
    }

    /// Notes how far the file was read, and cuts off what is to be left out. Without a text, the file is at its end.
    fn advance(&mut self, text: Option<String>) -> Option<String> {
        let Some(text) = text else {
            self.open = None;
            self.at.files += 1;
            self.at.bytes = 0;
            return None;
        };
        self.at.bytes += text.len();
        let mut cut = self.leave_out.min(text.len());
        self.leave_out -= cut;
        while let Some(skipped) = text[cut..].chars().next().filter(|_| self.skip > 0) {
            cut += skipped.len_utf8();
            self.skip -= 1;
        }
        Some(text[cut..].to_owned())
    }
}

impl Content {
    fn new(stream: BoxStream<'static, Result<Bytes, JobError>>, strips: bool) -> Self {
        Self {
            stream,
            bytes: Vec::new(),
            strips,
        }
    }

    async fn beginning(&mut self) -> Result<String, JobError> {
        let mut text = String::new();
        while may_go_on(&text) {
            match self.part().await? {
                Some(part) => text.push_str(&part),
                None => break,
            }
        }
        Ok(text)
    }

    /// The next text; without the line that names an older file, where that was read before.
    async fn next(&mut self, job: JobId) -> Result<Option<String>, JobError> {
        if !std::mem::take(&mut self.strips) {
            return self.part().await;
        }
        let text = self.beginning().await?;
        let text = named_file(&text, job).map_or(text.as_str(), |(_, rest)| rest);
        match text {
            "" => self.part().await,
            text => Ok(Some(text.to_owned())),
        }
    }

    async fn part(&mut self) -> Result<Option<String>, JobError> {
        while let Some(part) = self.stream.try_next().await? {
            self.bytes.extend_from_slice(&part);
            let text = take_whole(&mut self.bytes, question_marks);
            if !text.is_empty() {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }
}

/// How many characters a log has up to a file's end: its name says so, after the time.
fn end_of(name: &str) -> Option<u64> {
    let (_, end) = name.strip_suffix(END)?.rsplit_once('_')?;
    end.parse().ok()
}

/// The file that a text's first line names, and what follows the name. The name goes into an address: only plain ones
/// count, and only in the job's own folder.
fn named_file(text: &str, job: JobId) -> Option<(&str, &str)> {
    let line = text.strip_prefix('\n').unwrap_or(text).strip_prefix(MARK)?;
    let (said, path) = line.split_once(" at logs/")?;
    let name = path.strip_prefix(&format!("{job}/"))?;
    let (stem, rest) = name.split_once(END)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let is_line = said.contains("Previous logs have been saved to ") && !said.contains('\n');
    (is_line && !stem.is_empty() && stem.chars().all(plain))
        .then(|| (&name[..stem.len() + END.len()], rest))
}
