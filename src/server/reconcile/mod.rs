//! Open runs of Windmill's jobs: whether those have ended is asked, and then the runs end too.
//!
//! Always so: a run is closed by what Windmill says of its job alone; while Windmill is away nothing is closed. One server
//! at a time does it, of all that share a database.

mod away;
mod lease;
mod pace;
mod watch;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use millwright_core::refs::{JobId, RunStatus};
use serde_json::json;

use super::jobs::{JobError, JobServer, PAGE};
use super::settle::{SettleError, Settled, settle};
use super::state::{App, AppState};
use crate::store::runs::{self, JobEnd};
use crate::store::{StoreError, Timestamp};
use away::Away;
use lease::Lease;
use pace::{AT_ONCE, Pace};
use watch::Watch;

/// A look at the database that takes long makes the pause after it so many times longer.
const SHARE: u32 = 20;
/// So few jobs are asked for one by one, and not by a list.
const FEW: usize = 10;
/// What Windmill has in its queue is read no further.
const PAGES: usize = 100;
/// So many jobs are asked for before it is looked whether one is gone.
const PART: usize = 100;

struct Reconciler {
    app: AppState,
    /// The pause between two looks at the database.
    tick: Duration,
    windmill: JobServer,
    watch: Watch,
    pace: Pace,
    away: Away,
    lease: Lease,
}

/// Closes open runs of Windmill's jobs until the server closes. Without a Windmill there is nothing to do.
pub(super) async fn reconcile(app: AppState) {
    let (Some(windmill), Some(tick)) = (app.jobs.windmill().cloned(), app.reconcile_every) else {
        return;
    };
    let closing = app.closing.clone();
    let mut reconciler = Reconciler {
        lease: Lease::new(app.store.clone(), tick),
        app,
        tick,
        windmill,
        watch: Watch::new(tick),
        pace: Pace::new(),
        away: Away::new(tick),
    };
    closing.run_until_cancelled_owned(reconciler.run()).await;
    reconciler.lease.release().await;
}

impl Reconciler {
    async fn run(&mut self) {
        loop {
            let wait = self.look().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "cannot look for runs whose job has ended");
                self.tick
            });
            tokio::time::sleep(wait).await;
        }
    }

    /// Looks once, and says how long to wait for the next time.
    async fn look(&mut self) -> Result<Duration, StoreError> {
        let began = Instant::now();
        let open = self.app.store.read(runs::open_jobs).await?;
        let wait = self.tick.max(began.elapsed() * SHARE);
        metrics::gauge!("millwright_open_windmill_jobs").set(f64_of(open.len()));
        self.watch.keep(&open, Instant::now());
        if !open.is_empty() && !self.away.is_on(began) && self.lease.is_held().await? {
            self.ask().await?;
        }
        Ok(wait)
    }

    /// Asks for the jobs that are due.
    async fn ask(&mut self) -> Result<(), StoreError> {
        let mut due = self.watch.due(Instant::now());
        if due.len() > FEW {
            match self.queue().await {
                Ok(queued) => {
                    let (open, unknown) = due.into_iter().partition(|job| queued.contains(job));
                    self.are_open(open).await?;
                    due = unknown;
                }
                Err(SettleError::Store(error)) => return Err(error),
                Err(SettleError::Job(error @ JobError::Unreachable(_))) => {
                    self.away.begin(&error);
                    return Ok(());
                }
                // Whoever may not list jobs may still ask for each.
                Err(SettleError::Job(error)) => {
                    tracing::debug!(%error, "cannot list the jobs that have not ended");
                }
            }
        }
        for part in due.chunks(PART) {
            if self.away.is_on(Instant::now()) || !self.lease.is_held().await? {
                break;
            }
            self.ask_for(part).await?;
        }
        Ok(())
    }

    /// The jobs that have not ended, as far as the list is worth it.
    async fn queue(&mut self) -> Result<BTreeSet<JobId>, SettleError> {
        let mut queued = BTreeSet::new();
        let mut whole_page = FEW;
        for page in 1..=PAGES {
            self.pace.take().await;
            let found = self.windmill.queued(page).await?;
            // Some servers give fewer than they are asked for.
            let is_last = found.len() < whole_page || found.len() < PAGE / 10;
            whole_page = whole_page.max(found.len());
            queued.extend(found);
            if is_last || !self.lease.is_held().await? {
                break;
            }
        }
        Ok(queued)
    }

    /// Jobs that have not ended.
    async fn are_open(&mut self, mut jobs: Vec<JobId>) -> Result<(), StoreError> {
        let now = Instant::now();
        jobs.retain(|job| self.watch.is_open(*job, now));
        if jobs.is_empty() {
            return Ok(());
        }
        let note = move |connection: &_| runs::note_seen(connection, &jobs);
        self.app.store.write(note).await
    }

    async fn ask_for(&mut self, jobs: &[JobId]) -> Result<(), StoreError> {
        let (app, windmill, pace) = (&self.app, &self.windmill, &self.pace);
        let checks = jobs.iter().map(|job| check(app, windmill, pace, *job));
        let checks: Vec<_> = checks.collect();
        let mut asked = stream::iter(checks).buffer_unordered(AT_ONCE);
        let (mut open, mut gone) = (Vec::new(), Vec::new());
        while let Some((job, outcome)) = asked.next().await {
            let now = Instant::now();
            if !self.lease.is_held().await? {
                return Ok(());
            }
            match outcome {
                Ok(Settled { closed: 1.., .. }) => self.away.end(),
                Ok(_) => {
                    self.away.end();
                    open.push(job);
                }
                Err(SettleError::Job(JobError::NotFound(_))) => {
                    if self.watch.is_gone(job, now) {
                        gone.push(job);
                    }
                }
                Err(SettleError::Job(error)) => {
                    self.watch.postpone(job, now);
                    if self.away.fails(&error) {
                        return Ok(());
                    }
                }
                Err(SettleError::Store(error)) => return Err(error),
            }
        }
        drop(asked);
        self.are_open(open).await?;
        self.close(gone).await
    }

    /// Ends the runs of jobs that Windmill has deleted.
    async fn close(&mut self, gone: Vec<JobId>) -> Result<(), StoreError> {
        if gone.is_empty() {
            return Ok(());
        }
        self.pace.take().await;
        match self.windmill.has_workspace().await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!(
                    "Windmill has no such workspace: TASKSGODZILLA_WINDMILL_WORKSPACE names another than that of the runs"
                );
                return Ok(());
            }
            Err(error) => {
                self.away.fails(&error);
                return Ok(());
            }
        }
        for job in gone {
            let end = deleted(job);
            let finish = move |connection: &_| runs::finish_for_job(connection, job, &end);
            self.app.store.write(finish).await?;
        }
        Ok(())
    }
}

async fn check(
    app: &App,
    windmill: &JobServer,
    pace: &Pace,
    job: JobId,
) -> (JobId, Result<Settled, SettleError>) {
    pace.take().await;
    let outcome = settle(app, windmill, job).await;
    if let Ok(Settled {
        closed: 1..,
        status,
    }) = outcome
    {
        pace.give_back();
        metrics::counter!("millwright_reconciled_runs_total", "status" => status.as_str())
            .increment(1);
    }
    (job, outcome)
}

fn deleted(job: JobId) -> JobEnd {
    let message =
        format!("Windmill has no job {job} any more: it was deleted, and how it ended is unknown");
    JobEnd {
        status: RunStatus::Failed,
        result: json!({"error": {"name": "JobDeleted", "message": message}}),
        started_at: None,
        ended_at: Timestamp::now(),
    }
}

/// Figures are floating numbers.
fn f64_of(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
