//! The log of one job, as `getupdate` gives it.
//!
//! Always so: every character is asked for once. Windmill's offsets count characters from 1, and 0 means the same as 1.

use millwright_core::refs::JobId;

use super::follow::Step;
use super::saved::{self, Place, Saved};
use crate::server::jobs::{JobError, JobServer, Update};

/// A job's log, and how far it was read.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one thing of the place"
)]
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
    /// How much of the saved files to go past.
    past: Option<Place>,
    /// Whether it goes on from a mark, which may have been moved to files meanwhile.
    is_mark: bool,
    /// Whether the last answer's offsets do not tell where a character of it is.
    vague: bool,
    /// Whether older text cannot be had, which is told at the end.
    lost: bool,
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
            past: None,
            is_mark: false,
            vague: false,
            lost: false,
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
            if self.ended && std::mem::take(&mut self.lost) {
                // What is told now is no part of an answer.
                self.vague = true;
                return Ok(Step::Text(lost(self.job)));
            }
            if self.ended {
                return Ok(Step::Ended);
            }
            let Some(answer) = &mut self.answer else {
                self.ask().await?;
                continue;
            };
            match answer.next_text().await? {
                Some(text) if self.taken == 0 => {
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

    /// The same place, as a log of its own; `None` where the server cannot be asked for it.
    pub(super) fn mark(&self) -> Option<Self> {
        let mark = match &self.saved {
            Some(saved) => Self {
                past: Some(saved.place()?),
                ..self.again()
            },
            None => self.without_answer("")?,
        };
        Some(Self {
            is_mark: true,
            ..mark
        })
    }

    /// The same log from its beginning.
    pub(super) fn again(&self) -> Self {
        Self::new(self.server.clone(), self.job)
    }

    /// Lets go of the answer under way; says whether it could. `unread` is what was handed out and not used.
    pub(super) fn rest(&mut self, unread: &str) -> bool {
        match self.without_answer(unread) {
            Some(rested) => {
                *self = rested;
                true
            }
            None => false,
        }
    }

    fn without_answer(&self, unread: &str) -> Option<Self> {
        let copy = Self {
            past: self.past,
            is_mark: self.is_mark,
            lost: self.lost,
            ..self.again()
        };
        if self.answer.is_none() && self.saved.is_none() && unread.is_empty() {
            let (next, ended) = (self.next, self.ended);
            return Some(Self {
                next,
                ended,
                ..copy
            });
        }
        if self.vague {
            return None;
        }
        // What is unread may be of an answer before.
        let used = self.taken.checked_sub(unread.chars().count() as u64)?;
        let next = match used {
            0 => self.asked,
            used => self.asked.max(1) + used,
        };
        Some(Self { next, ..copy })
    }

    async fn ask(&mut self) -> Result<(), JobError> {
        (self.asked, self.taken, self.vague) = (self.next, 0, false);
        self.answer = Some(self.server.update(self.job, self.next).await?);
        Ok(())
    }

    /// An answer's beginning, which may say that text before it is elsewhere: at the log's beginning the older text, later
    /// what was moved there since the last answer.
    async fn first(&mut self, mut text: String) -> Result<Step, JobError> {
        while saved::may_go_on(&text) {
            let answer = self.answer.as_mut().expect("its first text has just come");
            match answer.next_text().await? {
                Some(more) => text.push_str(&more),
                None => break,
            }
        }
        self.taken = text.chars().count() as u64;
        let past = self.past.take();
        let read = self.asked.saturating_sub(1);
        self.vague = saved::names_file(&text, self.job);
        let was_there = past.is_some() || self.is_mark && self.vague && read > 0;
        self.is_mark = false;
        match Saved::find(&self.server, self.job, &text, read).await? {
            Some(mut saved) => {
                saved.go_past(past.unwrap_or_default());
                self.saved = Some(saved);
                Box::pin(self.next()).await
            }
            None if was_there => Ok(Step::Moved),
            None => {
                self.lost |= self.vague;
                Ok(Step::Text(text))
            }
        }
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

/// What is said where a log's older text was moved to a file that cannot be had.
fn lost(job: JobId) -> String {
    format!(
        "\n[millwright] Older text of this log is lost: Windmill moved it to a file and does not give that out. \
         What the job's agent said is kept by itself, where it has one: /codex/runs/{job}/logs?source=agent\n"
    )
}
