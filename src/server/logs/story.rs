//! The log of a flow: each step's log in order, under a heading, then what the flow itself says.
//!
//! Always so: text is only ever added at the end, and a heading keeps its length while its step goes on; so a byte offset
//! means the same place for as long as the flow exists. A step's log begins when the one before it has ended: of steps that
//! run at the same time, in the order of branches and rounds.

use millwright_core::refs::JobId;

use super::follow::Step;
use super::job_log::JobLog;
use crate::server::jobs::{FlowStatus, JobError, JobServer, JobState, Module};

/// The longest of the words for a state, "succeeded" and "cancelled", has so many letters.
const STATE_WIDTH: usize = 9;

/// A flow's log, and how far it was told.
pub(super) struct Story {
    server: JobServer,
    /// The flow, and the flows inside of it up to where the story is.
    flows: Vec<Flow>,
    log: Option<JobLog>,
    /// A heading that is told when its log has something to say.
    heading: Option<String>,
    ends_line: bool,
}

/// A flow, round or branch that is being told.
struct Flow {
    job: JobId,
    /// What stands before its steps' names.
    prefix: String,
    /// How many of its jobs were told.
    told: usize,
}

/// A job in its flow.
struct Entry {
    job: JobId,
    name: String,
}

impl Story {
    pub(super) fn new(server: JobServer, flow: JobId) -> Self {
        Self {
            server,
            flows: vec![Flow {
                job: flow,
                prefix: String::new(),
                told: 0,
            }],
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
            Step::Waiting => Ok(Some(Step::Waiting)),
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
        let job = self.server.job(flow.job).await?;
        let entry = entries(job.flow_status.as_ref(), &flow.prefix)
            .into_iter()
            .nth(flow.told);
        match entry {
            Some(entry) => {
                let at = self.flows.len() - 1;
                let step = self.open(entry).await?;
                self.flows[at].told += 1;
                Ok(step)
            }
            None if job.state().is_final() => {
                self.close(job.state());
                Ok(None)
            }
            None => Ok(Some(Step::Waiting)),
        }
    }

    async fn open(&mut self, entry: Entry) -> Result<Option<Step>, JobError> {
        let state = match self.server.job(entry.job).await {
            // Windmill forgets jobs after a while.
            Err(JobError::NotFound(_)) => "gone",
            Ok(job) if job.flow_status.is_some() => {
                self.flows.push(Flow {
                    job: entry.job,
                    prefix: entry.name + "/",
                    told: 0,
                });
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
            let name = if outermost {
                "flow"
            } else {
                flow.prefix.trim_end_matches('/')
            };
            self.heading = Some(heading(name, flow.job, state.word()));
            self.log = Some(JobLog::new(self.server.clone(), flow.job));
        }
    }
}

fn heading(name: &str, job: JobId, state: &str) -> String {
    format!("=== {name} | job {job} | {state:<STATE_WIDTH$} ===\n")
}

/// A flow's jobs, in the order in which they begin; those that have not begun are not among them.
fn entries(status: Option<&FlowStatus>, prefix: &str) -> Vec<Entry> {
    let Some(status) = status else {
        return Vec::new();
    };
    let before = status.preprocessor_module.iter();
    let modules = before.chain(&status.modules).enumerate();
    let offset = usize::from(status.preprocessor_module.is_some());
    let mut entries = Vec::new();
    for (position, module) in modules {
        let under_way = usize::try_from(status.step).is_ok_and(|step| step + offset == position);
        let retries = if under_way {
            status.retry.failed_jobs.as_slice()
        } else {
            &[]
        };
        entries.extend(entries_of(module, retries, prefix));
    }
    entries.extend(
        status
            .failure_module
            .iter()
            .flat_map(|module| entries_of(module, &[], prefix)),
    );
    entries
}

fn entries_of(module: &Module, retries: &[JobId], prefix: &str) -> Vec<Entry> {
    let id = module.id.as_deref().unwrap_or("step");
    let whole = |job: &JobId| Entry {
        job: *job,
        name: format!("{prefix}{id}"),
    };
    if let Some(rounds) = module.flow_jobs.as_ref().filter(|jobs| !jobs.is_empty()) {
        let round = |(number, job): (usize, &JobId)| Entry {
            job: *job,
            name: format!("{prefix}{id}/{number}"),
        };
        return rounds.iter().enumerate().map(round).collect();
    }
    let failed = match module.failed_retries.as_slice() {
        [] => retries,
        failed => failed,
    };
    let last = module.job.iter().filter(|job| !failed.contains(job));
    failed.iter().chain(last).map(whole).collect()
}
