//! Reading a log from a byte offset on, whatever it comes from.
//!
//! Always so: a chunk ends between two characters, and the next begins where it ended.

use std::io;
use std::sync::Arc;

use super::file::FileLog;
use super::job_log::JobLog;
use super::marks::Marks;
use super::story::Story;
use crate::server::error::ApiError;
use crate::server::jobs::JobError;

/// What a log yields next.
pub(super) enum Step {
    /// Text, never empty.
    Text(String),
    /// Nothing now; there may be more later.
    Waiting,
    /// Nothing any more: the job has ended.
    Ended,
    /// Nothing: the text is not where the mark says. It has to be read from its beginning.
    Moved,
}

/// Where a log comes from, and how far it was read.
pub(super) enum Reader {
    /// There is none yet.
    Nothing,
    File(FileLog),
    Job(Box<JobLog>),
    Story(Box<Story>),
}

/// A reader of a log.
pub(super) struct Follower {
    reader: Reader,
    /// Where `pending` begins.
    at: u64,
    /// What was read and not handed out.
    pending: String,
    /// Where it leaves marks.
    marks: Option<Arc<Marks>>,
}

/// A part of a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) offset: u64,
    /// Where the next begins.
    pub(super) next_offset: u64,
    pub(super) text: String,
    /// Whether it reaches the present end.
    pub(super) eof: bool,
    /// Whether nothing can follow.
    pub(super) ended: bool,
}

/// Why a log could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum LogError {
    #[error(transparent)]
    Job(#[from] JobError),
    #[error("the log's file cannot be read: {0}")]
    File(#[from] io::Error),
}

impl From<LogError> for ApiError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Job(error) => error.into(),
            LogError::File(_) => Self::Internal(error.to_string()),
        }
    }
}

impl Chunk {
    /// Whether there was nothing to read.
    pub(super) fn is_empty(&self) -> bool {
        self.next_offset == self.offset
    }
}

impl Follower {
    /// A reader at the log's beginning.
    pub(super) fn new(reader: Reader) -> Self {
        Self {
            reader,
            at: 0,
            pending: String::new(),
            marks: None,
        }
    }

    /// The same, leaving marks on its way.
    pub(super) fn marking(self, marks: Arc<Marks>) -> Self {
        Self {
            marks: Some(marks),
            ..self
        }
    }

    /// A reader that stands where this one has read to; `None` where the source cannot be asked for that place, or finds
    /// every place by itself.
    pub(super) fn mark(&self) -> Option<Self> {
        let reader = match &self.reader {
            Reader::Nothing | Reader::File(_) => return None,
            Reader::Job(log) => Reader::Job(Box::new(log.mark()?)),
            Reader::Story(story) => Reader::Story(Box::new(story.mark()?)),
        };
        let at = self.read_to();
        Some(Self {
            at,
            ..Self::new(reader)
        })
    }

    /// Where the next chunk begins.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Goes forward to an offset, or to the end where that is before it; inside a character, to that character.
    pub(super) async fn seek(&mut self, offset: u64) -> Result<(), LogError> {
        if let Reader::File(file) = &mut self.reader {
            self.pending.clear();
            self.at = file.seek(offset).await?;
            return Ok(());
        }
        loop {
            let wanted = usize::try_from(offset.saturating_sub(self.at)).unwrap_or(usize::MAX);
            let cut = self
                .pending
                .floor_char_boundary(wanted.min(self.pending.len()));
            self.drop_pending(cut);
            if wanted < self.pending.len() + cut || !matches!(self.more().await?, Step::Text(_)) {
                return Ok(());
            }
        }
    }

    /// The next part, of at most `most` bytes. Empty where there is nothing now.
    pub(super) async fn read(&mut self, most: usize) -> Result<Chunk, LogError> {
        let mut ended = false;
        let mut eof = false;
        while self.pending.len() <= most && !eof {
            match self.more().await? {
                Step::Text(_) | Step::Moved => {}
                Step::Waiting => eof = true,
                Step::Ended => (eof, ended) = (true, true),
            }
        }
        let offset = self.at;
        let cut = self
            .pending
            .floor_char_boundary(most.min(self.pending.len()));
        let text = self.pending[..cut].to_owned();
        self.drop_pending(cut);
        let all = self.pending.is_empty();
        Ok(Chunk {
            offset,
            next_offset: self.at,
            text,
            eof: eof && all,
            ended: ended && all,
        })
    }

    /// Takes back the end of what was handed out.
    pub(super) fn unread(&mut self, text: &str) {
        self.pending.insert_str(0, text);
        self.at -= text.len() as u64;
    }

    /// Whether all that was read was handed out.
    pub(super) fn has_nothing_pending(&self) -> bool {
        self.pending.is_empty()
    }

    /// Lets go of connections, where the place can be found again at little cost; says whether it did.
    pub(super) fn rest(&mut self) -> bool {
        let rested = match &mut self.reader {
            Reader::Nothing | Reader::File(_) => true,
            Reader::Job(log) => log.rest(&self.pending),
            Reader::Story(story) => self.pending.is_empty() && story.rest(),
        };
        if rested && matches!(self.reader, Reader::Job(_)) {
            self.pending.clear();
            self.pending.shrink_to_fit();
        }
        rested
    }

    fn drop_pending(&mut self, bytes: usize) {
        self.pending.drain(..bytes);
        self.at += bytes as u64;
    }

    fn read_to(&self) -> u64 {
        self.at + self.pending.len() as u64
    }

    /// Reads on; what comes is in `pending` then.
    async fn more(&mut self) -> Result<Step, LogError> {
        let mut step = self.next().await?;
        if matches!(step, Step::Moved) {
            self.begin_again().await?;
            step = self.next().await?;
        }
        if let Step::Text(text) = &step {
            self.pending.push_str(text);
            self.leave_mark();
        }
        Ok(step)
    }

    async fn next(&mut self) -> Result<Step, LogError> {
        Ok(match &mut self.reader {
            Reader::Nothing => Step::Waiting,
            Reader::File(file) => file.next().await?,
            Reader::Job(log) => log.next().await?,
            Reader::Story(story) => story.next().await?,
        })
    }

    fn leave_mark(&self) {
        let marks = self.marks.as_ref();
        if let Some(marks) = marks.filter(|marks| marks.want(self.read_to()))
            && let Some(mark) = self.mark()
        {
            marks.put(mark);
        }
    }

    /// Comes to the same place from the log's beginning.
    async fn begin_again(&mut self) -> Result<(), LogError> {
        if let Some(marks) = &self.marks {
            marks.clear();
        }
        match &mut self.reader {
            Reader::Nothing | Reader::File(_) => {}
            Reader::Job(log) => **log = log.again(),
            Reader::Story(story) => **story = story.again(),
        }
        let offset = std::mem::take(&mut self.at);
        Box::pin(self.seek(offset)).await
    }
}
