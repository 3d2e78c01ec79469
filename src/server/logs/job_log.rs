//! The log of one job, as `getupdate` gives it.
//!
//! Always so: every character is asked for once. Windmill's offsets count characters from 1, and 0 means the same as 1.

use millwright_core::refs::JobId;

use super::follow::Step;
use super::saved::{self, Saved};
use crate::server::jobs::{JobError, JobServer, Update};

/// A job's log, and how far it was read.
pub(super) struct JobLog {
    server: JobServer,
    job: JobId,
    /// The offset that the last answer was asked for, and how many characters of it were handed out.
    asked: u64,
    taken: u64,
    /// The offset to ask for next.
    next: u64,
    answer: Option<Update>,
    /// Older text that Windmill keeps in files, and what follows it.
    saved: Option<Saved>,
    /// Whether the last answer's offsets do not tell where a character of it is.
    vague: bool,
    ended: bool,
}

impl JobLog {
    pub(super) fn new(server: JobServer, job: JobId) -> Self {
        Self {
            server,
            job,
            asked: 0,
            taken: 0,
            next: 0,
            answer: None,
            saved: None,
            vague: false,
            ended: false,
        }
    }

    pub(super) async fn next(&mut self) -> Result<Step, JobError> {
        loop {
            if let Some(saved) = &mut self.saved {
                match saved.next(&self.server, self.job).await? {
                    Some(text) => return Ok(Step::Text(text)),
                    None => self.saved = None,
                }
            }
            if self.ended {
                return Ok(Step::Ended);
            }
            let Some(answer) = &mut self.answer else {
                self.ask().await?;
                continue;
            };
            match answer.next_text().await? {
                Some(text) if self.next == 0 && self.taken == 0 => {
                    return self.first(text).await;
                }
                Some(text) => {
                    self.taken += text.chars().count() as u64;
                    return Ok(Step::Text(text));
                }
                None if self.close() => {}
                None => return Ok(Step::Waiting),
            }
        }
    }

    /// Lets go of the answer under way. `pending` is what was handed out and not used.
    pub(super) fn rest(&mut self, pending: &str) -> bool {
        let at_its_end = self.answer.is_none() && self.saved.is_none() && pending.is_empty();
        if at_its_end {
            return true;
        }
        if self.vague {
            return false;
        }
        let used = self.taken - pending.chars().count() as u64;
        if used > 0 {
            self.next = self.asked.max(1) + used;
        } else {
            self.next = self.asked;
        }
        (self.asked, self.taken) = (self.next, 0);
        self.answer = None;
        self.ended = false;
        true
    }

    async fn ask(&mut self) -> Result<(), JobError> {
        (self.asked, self.taken, self.vague) = (self.next, 0, false);
        self.answer = Some(self.server.update(self.job, self.next).await?);
        Ok(())
    }

    /// The log's beginning, which may say that older text is elsewhere.
    async fn first(&mut self, mut text: String) -> Result<Step, JobError> {
        while saved::may_go_on(&text) {
            let answer = self.answer.as_mut().expect("its first text has just come");
            match answer.next_text().await? {
                Some(more) => text.push_str(&more),
                None => break,
            }
        }
        self.taken = text.chars().count() as u64;
        let Some(saved) = Saved::find(&self.server, self.job, &text).await? else {
            return Ok(Step::Text(text));
        };
        self.vague = true;
        self.saved = Some(saved);
        Box::pin(self.next()).await
    }

    /// Closes an answer that was read to its end; says whether there is something to do at once.
    fn close(&mut self) -> bool {
        let Some(answer) = self.answer.take() else {
            return true;
        };
        self.next = answer.log_offset().unwrap_or(self.asked);
        self.ended = answer.completed();
        self.ended || self.taken > 0
    }
}
