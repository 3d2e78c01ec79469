//! The mill itself: starts jobs, ends them, and tells those who watch.
//!
//! Always so: a job that the mill started is in its list until its end is in the database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use millwright_core::openflow::Flow;
use millwright_core::refs::JobId;
use serde_json::{Map, Value};
use tokio::sync::{Notify, Semaphore, broadcast};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::answers::{self, Answers, Said};
use super::expression::Engine;
use super::flow::{Finished, FlowTask, RootScript, Run};
use super::limits::Limits;
use super::plan::Plan;
use super::records::Records;
use super::stand_in::StandIn;
use super::stop::{Cause, Stop};
use super::{Event, MillError, MillOptions, owner, wishes};
use crate::store::jobs::{self, CancelAnswer, Cancellation};
use crate::store::{Store, StoreError};

/// How many events a slow watcher may be behind.
const EVENTS: usize = 4096;
/// How long ended jobs have to be written when the mill ends.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// How often it is looked whether all have ended.
const LOOK: Duration = Duration::from_secs(1);

/// A mill over a database. Cloning it is cheap.
#[derive(Clone)]
pub struct Mill {
    pub(super) inner: Arc<Inner>,
    store: Store,
}

/// A job that the mill has started.
#[derive(Debug)]
pub struct Started {
    /// The job.
    pub job: JobId,
    /// What the flow says in vain, or is likely to mean otherwise.
    pub notes: Vec<String>,
    work: JoinHandle<Result<Finished, StoreError>>,
}

/// How a job ended.
#[derive(Debug, Clone)]
pub struct JobEnd {
    /// Whether it ended well.
    pub success: bool,
    /// Whether it stopped early and counts as skipped.
    pub skipped: bool,
    /// Its result; of a failure mostly `{"error": …}`.
    pub result: Arc<Value>,
}

/// What runs flows, wherever it writes down what happens and whatever does the work of their scripts.
pub(super) struct Inner {
    pub(super) records: Records,
    /// Takes the place of scripts; `None` where they run as processes.
    pub(super) stand_in: Option<Arc<dyn StandIn>>,
    pub(super) options: MillOptions,
    pub(super) engine: Engine,
    pub(super) slots: Arc<Semaphore>,
    pub(super) limits: Limits,
    pub(super) answers: Answers,
    events: broadcast::Sender<Event>,
    running: Mutex<HashMap<JobId, Arc<Stop>>>,
    emptied: Notify,
}

impl Mill {
    /// Sets up a mill. Jobs of processes that are gone are ended first, so that no job runs for ever on paper.
    ///
    /// # Errors
    /// Where the database or the system does not do its part.
    pub async fn start(store: Store, options: MillOptions) -> Result<Self, MillError> {
        owner::end_abandoned(&store).await?;
        Self::set_up(store, options)
    }

    pub(super) fn set_up(store: Store, options: MillOptions) -> Result<Self, MillError> {
        let engine = Engine::start(options.expression_limit)?;
        let records = Records::in_database(store.clone());
        let inner = Arc::new(Inner::new(records, engine, None, options));
        tokio::spawn(wishes::hear(Arc::downgrade(&inner), store.clone()));
        Ok(Self { inner, store })
    }

    /// Starts a flow. `path` is its own, where it has one. When this returns, the job is in the database.
    ///
    /// # Errors
    /// [`MillError::Refused`] where the flow cannot be run; nothing of it has run then.
    pub async fn run_flow(
        &self,
        path: Option<&str>,
        flow: Flow,
        args: Map<String, Value>,
    ) -> Result<Started, MillError> {
        self.start_flow(path, flow, args, false).await
    }

    /// Starts the flow at a path with what a caller sent: its preprocessor, where it has one, makes its inputs of that.
    ///
    /// # Errors
    /// As [`Mill::run_flow`].
    pub async fn run_flow_with_sent(
        &self,
        path: &str,
        flow: Flow,
        sent: Map<String, Value>,
    ) -> Result<Started, MillError> {
        self.start_flow(Some(path), flow, sent, true).await
    }

    async fn start_flow(
        &self,
        path: Option<&str>,
        flow: Flow,
        args: Map<String, Value>,
        preprocesses: bool,
    ) -> Result<Started, MillError> {
        let mut plan = Plan::of_flow(&flow, path, &args, &self.inner.options)?;
        let mut notes = std::mem::take(&mut plan.notes);
        if flow.value.preprocessor_module.is_some() && !preprocesses {
            let place = "/value/preprocessor_module";
            notes.push(format!(
                "{place}: left out, it is for what a caller sends over HTTP"
            ));
        }
        if let Some(reason) = plan.no_preprocessor.take_if(|_| preprocesses) {
            return Err(MillError::Refused(vec![reason]));
        }
        let run = Run::new(Arc::clone(&self.inner), Arc::new(plan));
        let task = FlowTask::new(run, Arc::new(flow), path, args);
        let task = if preprocesses {
            task.preprocessed()
        } else {
            task
        };
        self.begin(task, notes).await
    }

    pub(super) async fn begin(
        &self,
        task: FlowTask,
        notes: Vec<String>,
    ) -> Result<Started, MillError> {
        let (job, stop) = (task.run().root, Arc::clone(&task.run().stop));
        let begun = task.begin().await?;
        let work = tokio::spawn(Arc::clone(&self.inner).to_its_end(job, stop, begun.run()));
        Ok(Started { job, notes, work })
    }

    /// The flow at a path.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn flow_at(&self, path: &str) -> Result<Flow, MillError> {
        self.inner.options.sources.flow(path)
    }

    /// Starts the flow at a path.
    ///
    /// # Errors
    /// Where there is none, and as [`Mill::run_flow`].
    pub async fn run_flow_at(
        &self,
        path: &str,
        args: Map<String, Value>,
    ) -> Result<Started, MillError> {
        let flow = self.flow_at(path)?;
        self.run_flow(Some(path), flow, args).await
    }

    /// Starts the script at a path.
    ///
    /// # Errors
    /// Where there is none, and [`MillError::Refused`] where nothing can run it.
    pub async fn run_script_at(
        &self,
        path: &str,
        args: Map<String, Value>,
    ) -> Result<Started, MillError> {
        let (plan, script) = Plan::of_script(path, &args, &self.inner.options)?;
        let run = Run::new(Arc::clone(&self.inner), Arc::new(plan));
        let (job, stop) = (run.root, Arc::clone(&run.stop));
        let begun = RootScript::begin(run, path, script, args).await?;
        let work = tokio::spawn(Arc::clone(&self.inner).to_its_end(job, stop, begun.run()));
        Ok(Started {
            job,
            notes: Vec::new(),
            work,
        })
    }

    /// Notes the wish that a job ends and, where this mill runs it, ends it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], else what the database says.
    pub async fn cancel(&self, job: JobId, wish: Cancellation) -> Result<CancelAnswer, StoreError> {
        let noted = wish.clone();
        let answer = self
            .store
            .write(move |connection| jobs::cancel(connection, job, &noted))
            .await;
        // What the database does not take is ended all the same.
        self.inner.stop(job, &wish);
        answer
    }

    /// Puts on record what someone says to a flow that waits, and tells the flow.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the flow does not wait, else what the database says.
    pub async fn answer(&self, flow: JobId, said: Said) -> Result<(), StoreError> {
        let written = self.store.write(move |connection| {
            let waiting = jobs::waiting_at(connection, flow)?;
            let own = waiting.into_iter().find(|waiting| waiting.flow == flow);
            let waiting = own.ok_or(StoreError::NotFound("flow that waits"))?;
            answers::say(connection, &waiting, &said)
        });
        written.await?;
        self.inner.answers.came();
        Ok(())
    }

    /// Ends every job, and waits until all have ended, or until none can be expected to end any more.
    pub async fn shut_down(&self, reason: &str) {
        let wish = Cancellation {
            by: super::USER.to_owned(),
            reason: reason.to_owned(),
        };
        let deadline = Instant::now() + 3 * self.inner.options.grace + LAST_WORDS;
        while Instant::now() < deadline {
            let emptied = self.inner.emptied.notified();
            let running = self.inner.jobs();
            if running.is_empty() {
                return;
            }
            for job in running {
                // It is ended even where the wish cannot be noted.
                drop(self.cancel(job, wish.clone()).await);
            }
            tokio::select! {
                () = emptied => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Leaves jobs that are to end no more time for it: their processes are killed.
    pub fn hurry(&self) {
        self.inner.running().values().for_each(|stop| stop.hurry());
    }

    /// Tells of every job that begins or ends from now on.
    pub fn watch(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Wakes the flows that wait for people.
    pub(super) fn answers(&self) -> &Answers {
        &self.inner.answers
    }

    /// The address of the server that mounts the mill; empty where there is none.
    pub(super) fn base_url(&self) -> &str {
        &self.inner.options.base_url
    }
}

impl Started {
    /// Waits for the job's end.
    ///
    /// # Errors
    /// Where the mill could not go on, a full disk for one.
    pub async fn wait(self) -> Result<JobEnd, MillError> {
        let finished = self
            .work
            .await
            .map_err(|error| std::io::Error::other(format!("the job's task ended: {error}")))??;
        Ok(JobEnd {
            success: finished.success,
            skipped: finished.skipped,
            result: finished.result,
        })
    }
}

impl Inner {
    pub(super) fn new(
        records: Records,
        engine: Engine,
        stand_in: Option<Arc<dyn StandIn>>,
        options: MillOptions,
    ) -> Self {
        Self {
            records,
            stand_in,
            engine,
            slots: Arc::new(Semaphore::new(options.parallel)),
            limits: Limits::default(),
            answers: Answers::default(),
            events: broadcast::channel(EVENTS).0,
            running: Mutex::default(),
            emptied: Notify::new(),
            options,
        }
    }

    /// Runs a job's work; where that fails, ends all of the job and says so in the database.
    async fn to_its_end(
        self: Arc<Self>,
        job: JobId,
        stop: Arc<Stop>,
        work: impl Future<Output = Result<Finished, StoreError>>,
    ) -> Result<Finished, StoreError> {
        let outcome = work.await;
        if let Err(error) = &outcome {
            stop.stop(Cause::Broken);
            let reason = format!("the mill could not go on: {error}");
            self.forget_all_of(&stop);
            self.records.end_run(job, &reason).await;
        }
        outcome
    }

    pub(super) fn watch(&self, job: JobId, stop: &Arc<Stop>) {
        self.running().insert(job, Arc::clone(stop));
    }

    pub(super) fn unwatch(&self, job: JobId) {
        self.running().remove(&job);
        self.emptied.notify_waiters();
    }

    pub(super) fn tell(&self, event: Event) {
        // Nobody has to watch.
        drop(self.events.send(event));
    }

    pub(super) fn stop(&self, job: JobId, wish: &Cancellation) {
        let stop = self.running().get(&job).cloned();
        if let Some(stop) = stop {
            stop.stop(Cause::Canceled(wish.clone()));
        }
    }

    fn jobs(&self) -> Vec<JobId> {
        let running = self.running();
        let mut jobs: Vec<JobId> = running.keys().copied().collect();
        jobs.sort();
        jobs
    }

    fn forget_all_of(&self, stop: &Arc<Stop>) {
        self.running().retain(|_, known| !known.is_within(stop));
        self.emptied.notify_waiters();
    }

    pub(super) fn running(&self) -> std::sync::MutexGuard<'_, HashMap<JobId, Arc<Stop>>> {
        self.running
            .lock()
            .expect("nothing panics while it holds the list of jobs")
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // It is empty unless a job's folder could not be removed; then it stays.
        drop(std::fs::remove_dir(&self.options.folder));
    }
}
