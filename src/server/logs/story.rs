//! The log of a flow: each step's log in order, under a heading, then what the flow itself says.
//!
//! Always so: text is only ever added at the end, and a heading keeps its length while its step goes on; so a byte offset
//! means the same place for as long as the flow exists. A step's log begins when the one before it has ended: of steps that
//! run at the same time, in the order of branches and rounds.

use millwright_core::refs::JobId;

use super::chapter::{Chapter, Entry, Turn};
use super::follow::Step;
use super::job_log::JobLog;
use crate::server::jobs::{JobError, JobServer};
use crate::windmill::JobState;

/// The longest of the words for a state, "succeeded" and "cancelled", has so many letters.
const STATE_WIDTH: usize = 9;

/// A flow's log, and how far it was told.
pub(super) struct Story {
    server: JobServer,
    flow: JobId,
    /// The flow, and the flows inside of it up to where the story is.
    flows: Vec<Chapter>,
    log: Option<JobLog>,
    /// A heading that is told when its log has something to say.
    heading: Option<String>,
    ends_line: bool,
}

impl Story {
    pub(super) fn new(server: JobServer, flow: JobId) -> Self {
        Self {
            server,
            flow,
            flows: vec![Chapter::outermost(flow)],
            log: None,
            heading: None,
            ends_line: true,
        }
    }

    pub(super) async fn next(&mut self) -> Result<Step, JobError> {
        loop {
            let step = if self.log.is_some() {
                self.read_log().await?
            } else {
                self.turn_page().await?
            };
            match step {
                Some(Step::Text(text)) => {
                    self.ends_line = text.ends_with('\n');
                    return Ok(Step::Text(text));
                }
                Some(step) => return Ok(step),
                None => {}
            }
        }
    }

    /// The same place, as a story of its own; `None` where the server cannot be asked for it.
    pub(super) fn mark(&self) -> Option<Self> {
        let log = match &self.log {
            Some(log) => Some(log.mark()?),
            None => None,
        };
        Some(Self {
            server: self.server.clone(),
            flow: self.flow,
            flows: self.flows.iter().map(Chapter::mark).collect(),
            log,
            heading: self.heading.clone(),
            ends_line: self.ends_line,
        })
    }

    /// The same story from its beginning.
    pub(super) fn again(&self) -> Self {
        Self::new(self.server.clone(), self.flow)
    }

    /// Lets go of the answer under way.
    pub(super) fn rest(&mut self) -> bool {
        self.log.as_mut().is_none_or(|log| log.rest(""))
    }

    async fn read_log(&mut self) -> Result<Option<Step>, JobError> {
        let Some(log) = &mut self.log else {
            return Ok(None);
        };
        match log.next().await? {
            Step::Text(text) => Ok(Some(Step::Text(match self.heading.take() {
                Some(heading) => heading + &text,
                None => text,
            }))),
            step @ (Step::Waiting | Step::Moved) => Ok(Some(step)),
            Step::Ended => {
                (self.log, self.heading) = (None, None);
                Ok((!self.ends_line).then(|| Step::Text("\n".to_owned())))
            }
        }
    }

    /// Goes on to the next job, if there is one.
    async fn turn_page(&mut self) -> Result<Option<Step>, JobError> {
        let Some(flow) = self.flows.last_mut() else {
            return Ok(Some(Step::Ended));
        };
        match flow.turn(&self.server).await? {
            Turn::Entry(entry) => {
                let at = self.flows.len() - 1;
                let step = self.open(entry).await?;
                self.flows[at].was_told();
                Ok(step)
            }
            Turn::Ended(state) => {
                self.close(state);
                Ok(None)
            }
            Turn::Waiting => Ok(Some(Step::Waiting)),
        }
    }

    async fn open(&mut self, entry: Entry) -> Result<Option<Step>, JobError> {
        let state = match self.server.job(entry.job).await {
            // Windmill forgets jobs after a while.
            Err(JobError::NotFound(_)) => "gone",
            Ok(job) if job.flow_status.is_some() => {
                self.flows.push(Chapter::within(entry, &job));
                return Ok(None);
            }
            Ok(job) => {
                self.log = Some(JobLog::new(self.server.clone(), entry.job));
                job.state().word()
            }
            Err(error) => return Err(error),
        };
        Ok(Some(Step::Text(heading(&entry.name, entry.job, state))))
    }

    /// A flow's own log says little, so it comes last; of an inner one, when it did not end well.
    fn close(&mut self, state: JobState) {
        let Some(flow) = self.flows.pop() else {
            return;
        };
        let outermost = self.flows.is_empty();
        if outermost || state == JobState::Failed {
            let name = if outermost { "flow" } else { flow.name() };
            self.heading = Some(heading(name, flow.job, state.word()));
            self.log = Some(JobLog::new(self.server.clone(), flow.job));
        }
    }
}

fn heading(name: &str, job: JobId, state: &str) -> String {
    format!("=== {name} | job {job} | {state:<STATE_WIDTH$} ===\n")
}
