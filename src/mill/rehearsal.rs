//! Flows on virtual time, in memory, with something that takes the place of their scripts.
//!
//! Always so: the flow engine is the mill's own; only the clock, the records and the scripts are others. Whatever waits
//! costs no time, and a flow that would go on for ever is ended.

use std::sync::Arc;
use std::time::Duration;

use millwright_core::openflow::Flow;
use serde_json::{Map, Value};
use tokio::runtime::Runtime;

use super::expression::Engine;
use super::flow::{Finished, FlowTask, Run};
use super::ledger::Ledger;
use super::plan::Plan;
use super::records::Records;
use super::service::Inner;
use super::stand_in::StandIn;
use super::stop::{Cause, Stop};
use super::{MillError, MillOptions, Sources};
use crate::store::StoreError;

/// What waits longer than this waits for ever.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// A thread's place for rehearsals.
pub struct Stage {
    runtime: Runtime,
    options: MillOptions,
    /// How many jobs one run may begin.
    most_jobs: usize,
}

/// A flow that can be rehearsed.
#[derive(Debug, Clone)]
pub struct Prepared {
    flow: Arc<Flow>,
    path: Option<String>,
    plan: Arc<Plan>,
}

/// A flow's run that is over.
pub struct Rehearsed {
    /// How it ended.
    pub ending: Ending,
    /// How long it took, on its own clock.
    pub took: Duration,
    /// What happened.
    pub ledger: Arc<Ledger>,
}

/// How a rehearsed flow ended.
#[derive(Debug, Clone)]
pub enum Ending {
    /// By itself.
    Ended {
        /// Whether it ended well.
        success: bool,
        /// Whether it counts as skipped.
        skipped: bool,
        /// Whether it was cancelled.
        canceled: bool,
        /// Its result.
        result: Arc<Value>,
    },
    /// It waited for something that does not come.
    Stuck,
    /// It began more jobs than it may.
    Endless,
}

impl Prepared {
    /// Looks up what a flow leads to. Scripts and flows that are missing are no error here: something may take their place.
    ///
    /// # Errors
    /// [`MillError::Refused`] where the flow uses what the mill does not do.
    pub fn new(flow: Flow, path: Option<&str>, sources: &Sources) -> Result<Self, MillError> {
        let plan = Plan::of_rehearsed(&flow, path, sources)?;
        Ok(Self {
            flow: Arc::new(flow),
            path: path.map(str::to_owned),
            plan: Arc::new(plan),
        })
    }

    /// The flow.
    pub fn flow(&self) -> &Arc<Flow> {
        &self.flow
    }

    /// A flow that this one leads to; `None` where it is missing.
    pub fn sub_flow(&self, path: &str) -> Option<Arc<Flow>> {
        self.plan.flow_if_known(path)
    }
}

impl Stage {
    /// A place on this thread, which needs much stack.
    pub(super) fn new(options: MillOptions, most_jobs: usize) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()?;
        Ok(Self {
            runtime,
            options,
            most_jobs,
        })
    }

    /// Runs a flow to its end.
    pub fn run(
        &self,
        prepared: &Prepared,
        args: Map<String, Value>,
        stand_in: Arc<dyn StandIn>,
    ) -> Rehearsed {
        let ledger = Arc::new(Ledger::new(self.most_jobs));
        let records = Records::Memory(Arc::clone(&ledger));
        let engine = Engine::on_this_thread(self.options.expression_limit);
        let inner = Inner::new(records, engine, Some(stand_in), self.options.clone());
        let run = Run::new(Arc::new(inner), Arc::clone(&prepared.plan));
        let stop = Arc::clone(&run.stop);
        let flow = Arc::clone(&prepared.flow);
        let task = FlowTask::new(run, flow, prepared.path.as_deref(), args);
        let work = async {
            let begun = tokio::time::Instant::now();
            let ended = tokio::time::timeout(LONGEST, to_its_end(task)).await;
            (ended, begun.elapsed())
        };
        let (ended, took) = self.runtime.block_on(work);
        let ending = match ended {
            _ if ledger.is_overrun() => Ending::Endless,
            Err(_) => Ending::Stuck,
            Ok(finished) => ending_of(finished, &stop),
        };
        Rehearsed {
            ending,
            took,
            ledger,
        }
    }
}

async fn to_its_end(task: FlowTask) -> Result<Finished, StoreError> {
    task.begin().await?.run().await
}

fn ending_of(finished: Result<Finished, StoreError>, stop: &Stop) -> Ending {
    let finished = finished.expect("memory takes whatever is written to it");
    Ending::Ended {
        success: finished.success,
        skipped: finished.skipped,
        canceled: matches!(stop.cause(), Some(Cause::Canceled(_))),
        result: finished.result,
    }
}
