//! Executions in the server: steps that are executed and checked in threads of its own.
//!
//! Always so: an execution whose thread has ended is ended in the tables too, whatever happened in the thread, and none
//! of its processes is left.

mod audit;
mod contents;
mod log;
mod options;
mod orphan;
mod owner;
mod perform;
mod planning;
mod policy;
mod port;
mod registry;
mod tidy;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use millwright_core::protocol::{
    Clarification, Execution, ExecutionStarted, ExecutionStatus, Forge, Gate, Kind, ProtocolRun,
    Report, StepRun,
};
use millwright_step::engine::Registry as Engines;
use millwright_step::runner::Settings;
use millwright_step::workspace::branch_of;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use crate::store::protocols::{ImportedSpec, ProtocolOutline, Protocols, StartedExecution, Tables};
use crate::store::{Store, StoreError};
use contents::files;
use log::LogFile;
pub use options::WorkOptions;
use registry::Registry;

/// Between two looks at an execution that another server runs.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Executes steps. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Work(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    protocols: Protocols,
    engines: Engines,
    settings: Settings,
    logs: PathBuf,
    owner: String,
    running: Registry,
}

impl Work {
    /// The work on the protocols of a database.
    pub fn new(store: Store, options: WorkOptions) -> Self {
        Self(Arc::new(Shared {
            protocols: Protocols::with_clock(store, options.leases, options.clock),
            engines: Engines::default(),
            settings: options.settings,
            logs: options.logs,
            owner: owner::this_process(),
            running: Registry::default(),
        }))
    }

    /// The protocols' tables.
    pub fn protocols(&self) -> &Protocols {
        &self.0.protocols
    }

    /// The branch that a protocol run's steps commit to.
    pub fn branch_of(&self, run: &ProtocolOutline) -> String {
        let options = &self.0.settings.workspace;
        branch_of(run.id, &run.protocol_name, run.branch.as_deref(), options)
    }

    /// Whether a project's setup waits for the answers to the questions about it.
    pub(super) fn setup_waits_for_answers(&self) -> bool {
        self.0.settings.setup_waits_for_answers
    }

    /// The folder of the logs that this server writes.
    pub fn logs(&self) -> &Path {
        &self.0.logs
    }

    /// Takes up what an earlier server left: what it was executing has failed, what it was planning is planned.
    /// What is executed here is stopped when `closing` is cancelled.
    ///
    /// # Errors
    /// The database's.
    pub async fn take_up(&self, closing: CancellationToken) -> Result<(), StoreError> {
        let (under_way, being_planned) = self
            .protocols()
            .read(|tables| Ok((tables.under_way()?, tables.being_planned()?)))
            .await?;
        let gone = under_way
            .into_iter()
            .filter(|one| owner::is_gone(&one.owner));
        for lost in gone {
            let id = lost.execution_id;
            tracing::warn!(execution = id, "the server that ran it is gone");
            orphan::end(&id);
            self.protocols()
                .write(move |tables| tables.give_up(&id))
                .await?;
        }
        for id in being_planned {
            self.plan(id);
        }
        let work = self.clone();
        tokio::spawn(async move {
            closing.cancelled().await;
            work.close();
        });
        Ok(())
    }

    /// Stops what is executed here, and whatever begins from now on.
    pub fn close(&self) {
        self.0.running.close();
    }

    /// Takes a spec for a protocol, and stops what is executed here for steps that it drops.
    ///
    /// # Errors
    /// As [`Tables::import_spec`](crate::store::protocols::Tables::import_spec).
    pub async fn import_spec(
        &self,
        protocol_run_id: i64,
        spec: Value,
        source: Option<String>,
    ) -> Result<ImportedSpec, StoreError> {
        let running = self.0.running.ids();
        let shared = Arc::clone(&self.0);
        let contents = shared.contents(protocol_run_id).await?;
        let (imported, ended) = self
            .protocols()
            .write(move |tables| {
                let engines: Vec<&str> = shared.engines.ids().collect();
                let (source, files) = (source.as_deref(), files(contents.as_ref()));
                let imported =
                    tables.import_spec(protocol_run_id, &spec, source, &engines, files)?;
                Ok((imported, tables.ended_among(&running)?))
            })
            .await?;
        self.0.running.cancel(&ended);
        self.stop_planning(protocol_run_id);
        Ok(imported)
    }

    /// Takes the spec of a CodeMachine workspace for a protocol.
    ///
    /// # Errors
    /// As [`Tables::import_spec`](crate::store::protocols::Tables::import_spec).
    pub async fn import_codemachine(
        &self,
        protocol_run_id: i64,
        workspace: String,
        spec: Value,
    ) -> Result<ImportedSpec, StoreError> {
        let shared = Arc::clone(&self.0);
        let contents = shared.contents(protocol_run_id).await?;
        let taken = self.protocols().write(move |tables| {
            let engines: Vec<&str> = shared.engines.ids().collect();
            let files = files(contents.as_ref());
            tables.codemachine_imported(protocol_run_id, &workspace, &spec, &engines, files)
        });
        let taken = taken.await?;
        self.stop_planning(protocol_run_id);
        Ok(taken)
    }

    /// Asks or answers a question, and plans the protocols that were held back by it alone.
    ///
    /// # Errors
    /// What the change returns.
    pub async fn about_question(
        &self,
        change: impl FnOnce(&Tables<'_>) -> Result<(Clarification, Vec<i64>), StoreError>
        + Send
        + 'static,
    ) -> Result<Clarification, StoreError> {
        let (question, planning) = self.protocols().write(change).await?;
        for protocol in planning {
            self.plan(protocol);
        }
        Ok(question)
    }

    /// Cancels a protocol, and stops what is executed for it here.
    ///
    /// # Errors
    /// As [`Tables::cancel`](crate::store::protocols::Tables::cancel).
    pub async fn cancel_protocol(&self, id: i64) -> Result<ProtocolRun, StoreError> {
        let running = self.0.running.ids();
        let (cancelled, ended) = self
            .protocols()
            .write(move |tables| Ok((tables.cancel(id)?, tables.ended_among(&running)?)))
            .await?;
        self.0.running.cancel(&ended);
        self.stop_planning(id);
        self.tidy(id);
        Ok(cancelled)
    }

    /// Takes the report of a worker, and stops here what it takes away.
    ///
    /// # Errors
    /// As [`Tables::report`](crate::store::protocols::Tables::report).
    pub async fn report(
        &self,
        step_run_id: i64,
        claim: String,
        report: Report,
    ) -> Result<StepRun, StoreError> {
        let running = self.0.running.ids();
        let taken = self.protocols().write(move |tables| {
            if let Some(refused) = tables.refuse_late(step_run_id, &claim, &report)? {
                // That it came too late is kept; the refusal is the answer.
                return Ok(Err(refused));
            }
            let step = tables.report(step_run_id, &claim, &report)?;
            Ok(Ok((step, tables.ended_among(&running)?)))
        });
        let (step, ended) = taken.await??;
        self.0.running.cancel(&ended);
        Ok(step)
    }

    /// Begins an execution, or finds the one that this claim has begun already.
    ///
    /// # Errors
    /// As [`Tables::start_execution`](crate::store::protocols::Tables::start_execution).
    pub async fn execute(
        &self,
        step_run_id: i64,
        kind: Kind,
        claim: Option<String>,
        gates: Option<Vec<Gate>>,
    ) -> Result<ExecutionStarted, StoreError> {
        self.execute_after(step_run_id, kind, claim, gates, Map::new())
            .await
    }

    /// Begins the check of a step, since the continuous integration of its branch has passed.
    ///
    /// # Errors
    /// As [`Work::execute`].
    pub async fn check_after_ci(
        &self,
        step_run_id: i64,
        forge: Forge,
    ) -> Result<ExecutionStarted, StoreError> {
        let cause = [("source", "ci"), ("provider", forge.as_str())];
        let cause = cause.map(|(key, value)| (key.to_owned(), value.into()));
        self.execute_after(
            step_run_id,
            Kind::Qa,
            None,
            None,
            cause.into_iter().collect(),
        )
        .await
    }

    async fn execute_after(
        &self,
        step_run_id: i64,
        kind: Kind,
        claim: Option<String>,
        gates: Option<Vec<Gate>>,
        cause: Map<String, Value>,
    ) -> Result<ExecutionStarted, StoreError> {
        self.hold_step_to_policy(step_run_id, kind).await?;
        let shared = Arc::clone(&self.0);
        let StartedExecution { started, begun } = self
            .protocols()
            .begin(step_run_id, kind, move |tables| {
                let claim = claim.as_deref();
                let owner = &shared.owner;
                let new = tables.start_execution_after(step_run_id, kind, claim, owner, cause)?;
                if new.begun.is_some() {
                    let log = LogFile::path(&shared.logs, &new.started.execution_id);
                    tables.register_log(&new.started, &log)?;
                }
                Ok(new)
            })
            .await?;
        if let Some(begun) = begun {
            self.spawn(started.execution_id.clone(), begun, gates);
        }
        Ok(started)
    }

    /// An execution, once it has ended or `wait` is over.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn wait(
        &self,
        execution_id: &str,
        wait: Duration,
        closing: &CancellationToken,
    ) -> Result<Execution, StoreError> {
        let until = tokio::time::Instant::now() + wait;
        loop {
            let ended = self.0.running.ended(execution_id);
            let execution = self.execution(execution_id).await?;
            let over = tokio::time::Instant::now() >= until || closing.is_cancelled();
            if execution.status != ExecutionStatus::Running || over {
                return Ok(execution);
            }
            tokio::select! {
                () = ended.or_after(LOOK_AGAIN) => {}
                () = tokio::time::sleep_until(until) => {}
                () = closing.cancelled() => {}
            }
        }
    }

    /// An execution as it stands; one whose claim has lapsed has failed.
    async fn execution(&self, execution_id: &str) -> Result<Execution, StoreError> {
        let id = execution_id.to_owned();
        let found = self
            .protocols()
            .read(move |tables| tables.execution(&id))
            .await?;
        if found.status != ExecutionStatus::Running || self.0.running.holds(execution_id) {
            return Ok(found);
        }
        let id = execution_id.to_owned();
        self.protocols()
            .write(move |tables| tables.swept_execution(&id))
            .await
    }

    /// Stops an execution and gives it as it then stands. One that has ended stays as it is.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn cancel(
        &self,
        execution_id: &str,
        closing: &CancellationToken,
    ) -> Result<Execution, StoreError> {
        if self.0.running.holds(execution_id) {
            self.0.running.cancel(&[execution_id.to_owned()]);
            let soon = Duration::from_secs(5);
            return self.wait(execution_id, soon, closing).await;
        }
        let id = execution_id.to_owned();
        self.protocols()
            .write(move |tables| tables.stop_elsewhere(&id))
            .await
    }
}
