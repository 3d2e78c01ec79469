//! Where a run's log is.
//!
//! Always so: a run that registered its flow's job has that flow's log; `source=job` asks for the run's own job.

use std::path::Path;

use millwright_core::refs::{AGENT_LOG, JobId, JobRef, Run};
use serde::Deserialize;
use utoipa::ToSchema;

use super::beneath::Found;
use super::file::FileLog;
use super::follow::{Follower, Reader};
use super::job_log::JobLog;
use super::story::Story;
use crate::server::error::ApiError;
use crate::server::jobs::JobServer;
use crate::server::state::App;
use crate::store::{artifacts, runs};

/// Which of a run's logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Choice {
    /// The flow's, where the run has one; else the job's.
    #[default]
    Flow,
    /// That of the job in the run's `log_path`.
    Job,
    /// What the run's agent says: the artifact `agent.log`. Empty where there is none.
    Agent,
}

/// A run's log.
pub(super) struct LogSource {
    pub(super) run: Run,
    /// The job that it is of, and who knows it.
    pub(super) job: Option<(JobServer, JobId)>,
    is_flow: bool,
    path: Option<String>,
}

impl LogSource {
    /// Finds a run's log.
    ///
    /// # Errors
    /// 404 where there is no such run or job; what asking for the job says.
    pub(super) async fn of_run(
        app: &App,
        run_id: String,
        choice: Choice,
    ) -> Result<Self, ApiError> {
        let read = app.store.read(move |connection| {
            let run = runs::get(connection, &run_id)?;
            let of_artifact = |name| artifacts::path_of(connection, &run_id, name);
            let path = match choice {
                Choice::Flow => of_artifact("windmill.flow.logs")?.or_else(|| run.log_path.clone()),
                Choice::Job => run.log_path.clone(),
                Choice::Agent => of_artifact(AGENT_LOG)?,
            };
            Ok((run, path))
        });
        let (run, path) = read.await?;
        Self::at(app, run, path).await
    }

    /// The log at a path, which an artifact of the run names.
    ///
    /// # Errors
    /// 404 where the path is no reference that can be read; what asking for the job says.
    pub(super) async fn at(app: &App, run: Run, path: Option<String>) -> Result<Self, ApiError> {
        let (mut job, mut is_flow) = (None, false);
        if let Some(reference) = path.as_deref().filter(|path| JobRef::is_meant_by(path)) {
            let reference: JobRef = reference
                .parse()
                .map_err(|error| ApiError::not_found(format!("{error}")))?;
            let (server, found) = app.jobs.find(reference.job).await?;
            is_flow = found.flow_status.is_some();
            job = Some((server, reference.job));
        }
        Ok(Self {
            run,
            job,
            is_flow,
            path,
        })
    }

    /// A reader of the log that can reach an offset soon.
    ///
    /// # Errors
    /// 404 where the log is a file that may not be read.
    pub(super) async fn reader(&self, app: &App, offset: u64) -> Result<Follower, ApiError> {
        if let Some((server, job)) = &self.job {
            let new = || {
                if self.is_flow {
                    Reader::Story(Box::new(Story::new(server.clone(), *job)))
                } else {
                    Reader::Job(Box::new(JobLog::new(server.clone(), *job)))
                }
            };
            return Ok(app.parked.reader(*job, offset, new));
        }
        let Some(path) = self.path.clone() else {
            return Ok(Follower::new(Reader::Nothing));
        };
        let roots = app.log_roots.clone();
        let opened = tokio::task::spawn_blocking(move || roots.open(Path::new(&path)));
        let opened = opened
            .await
            .map_err(|error| ApiError::Internal(error.to_string()))?;
        match opened {
            Ok(Found::File(file)) => Ok(Follower::new(Reader::File(FileLog::new(file)))),
            Ok(Found::Nothing) => Ok(Follower::new(Reader::Nothing)),
            Ok(Found::Outside) => Err(ApiError::not_found(
                "Log not found: it is a file that no --log-root allows to read",
            )),
            Err(error) => Err(ApiError::Internal(format!("cannot open a log: {error}"))),
        }
    }

    /// Lets a reader wait for who asks for the next part.
    pub(super) fn park(&self, app: &App, follower: Follower) {
        if let Some((_, job)) = &self.job {
            app.parked.put(*job, follower);
        }
    }
}
