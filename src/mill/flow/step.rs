//! One step: whether it runs, how often, and what follows from its result.
//!
//! Always so: the order is that of Windmill: skip, mock, tries, stop.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use millwright_core::openflow::{Amount, Module, ModuleValue};
use millwright_core::refs::JobId;
use serde_json::{Map, Value};

use super::frame::Frame;
use super::journal::{Beginning, Finished, JobCard, Standing};
use super::outcome::{Ended, line_of};
use super::status::{FlowStatus, StepState, StepStatus};
use super::waiting::Resumed;
use crate::store::StoreError;
use crate::store::jobs::JobKind;

/// A step that is about to run.
pub(super) struct Step<'a> {
    pub(super) frame: &'a Arc<Frame>,
    pub(super) slot: Slot,
    pub(super) module: &'a Module,
    /// The result before it.
    pub(super) previous: Arc<Value>,
    /// The step before it.
    pub(super) previous_id: Option<&'a str>,
    /// What people answered before it.
    resumed: Option<Resumed>,
    /// Its arguments at its first try: each later one gets the same.
    first_args: OnceLock<Map<String, Value>>,
}

/// Where a step's status is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Slot {
    Module(usize),
    Failure,
    Preprocessor,
}

impl FlowStatus {
    pub(super) fn slot(&mut self, slot: Slot) -> &mut StepStatus {
        match slot {
            Slot::Module(index) => &mut self.modules[index],
            Slot::Failure => &mut self.failure,
            Slot::Preprocessor => self
                .preprocessor
                .get_or_insert_with(|| StepStatus::new("preprocessor")),
        }
    }
}

impl<'a> Step<'a> {
    pub(super) fn new(
        frame: &'a Arc<Frame>,
        slot: Slot,
        module: &'a Module,
        previous: Arc<Value>,
        previous_id: Option<&'a str>,
    ) -> Self {
        Self {
            frame,
            slot,
            module,
            previous,
            previous_id,
            resumed: None,
            first_args: OnceLock::new(),
        }
    }

    /// The same step, after people answered.
    pub(super) fn after(self, resumed: Option<Resumed>) -> Self {
        Self { resumed, ..self }
    }

    /// Runs the step, as often as it is to be tried.
    pub(super) async fn run(&self) -> Result<Ended, StoreError> {
        let skipped = match self.is_skipped().await {
            Ok(skipped) => skipped,
            Err(error) => return Ok(Ended::broken_condition(error)),
        };
        let mock = self.module.mock.as_ref();
        let stand_in = match mock.filter(|mock| mock.enabled == Some(true)) {
            Some(mock) => Some(Arc::new(mock.return_value.clone().unwrap_or_default())),
            None => skipped.then(|| Arc::clone(&self.previous)),
        };
        let ended = match stand_in {
            Some(result) => {
                let passed = self.pass_on(result).await?;
                self.stop_after(passed, self.module.stop_after_if.as_ref())
                    .await?
            }
            None => self.tries().await?,
        };
        if matches!(&ended, Ended::Failed(failure) if failure.begun) && !self.counts_as_failed() {
            self.write_end(&ended).await?;
        }
        Ok(ended)
    }

    /// Runs the step once.
    pub(super) async fn once(&self) -> Result<Ended, StoreError> {
        let ended = match &self.module.value {
            ModuleValue::Script(script) => self.path_script(script).await,
            ModuleValue::RawScript(script) => self.raw_script(script).await,
            ModuleValue::Flow(flow) => self.sub_flow(flow).await,
            ModuleValue::ForLoop(inner) => self.for_loop(inner).await,
            ModuleValue::WhileLoop(inner) => self.while_loop(inner).await,
            ModuleValue::BranchOne(inner) => self.branch_one(inner).await,
            ModuleValue::BranchAll(inner) => self.branch_all(inner).await,
            ModuleValue::Identity(_) | ModuleValue::Unknown(_) => {
                self.pass_on(Arc::clone(&self.previous)).await
            }
        };
        let module = self.module;
        let condition = match &module.value {
            ModuleValue::ForLoop(_) | ModuleValue::WhileLoop(_) | ModuleValue::BranchAll(_) => {
                &module.stop_after_all_iters_if
            }
            _ => &module.stop_after_if,
        };
        self.stop_after(ended?, condition.as_ref()).await
    }

    /// `resume`, `resumes` and `approvers`, as far as an expression names them.
    pub(super) fn answers_for(&self, expression: &str) -> Vec<(&'static str, Arc<Value>)> {
        Resumed::names(self.resumed.as_ref(), expression)
    }

    /// The arguments of the first try, where this is a later one.
    pub(super) fn first_args(&self) -> Option<&Map<String, Value>> {
        self.first_args.get()
    }

    /// Keeps the arguments for further tries, where there may be any.
    pub(super) fn keep_args(&self, args: &Map<String, Value>) {
        if self.module.retry.is_some() {
            // Only the first ones count.
            drop(self.first_args.set(args.clone()));
        }
    }

    /// Changes the step's status in memory and returns that of the whole flow as text.
    pub(super) fn change(&self, change: impl FnOnce(&mut StepStatus)) -> Option<String> {
        self.frame.change(|status| change(status.slot(self.slot)))
    }

    /// The step begins with this job.
    pub(super) fn begins(&self, job: JobId) -> Option<String> {
        self.change(|status| {
            status.state = StepState::InProgress;
            status.job = Some(job);
        })
    }

    /// The step ended.
    pub(super) fn ends(&self, success: bool) -> Option<String> {
        self.change(|status| {
            status.state = if success {
                StepState::Success
            } else {
                StepState::Failure
            };
        })
    }

    /// Whether the status says that the step failed; it does not yet where nothing of it could begin.
    fn counts_as_failed(&self) -> bool {
        let mut failed = false;
        self.change(|status| failed = status.state == StepState::Failure);
        failed
    }

    /// The step ended, and that is written by itself.
    pub(super) async fn write_end(&self, ended: &Ended) -> Result<(), StoreError> {
        let text = self.ends(matches!(ended, Ended::Done(_) | Ended::Stopped { .. }));
        self.frame.write_status(text).await
    }

    /// How long the step may take. A limit that cannot be computed ends the flow, and no failure handler runs.
    pub(super) async fn limit(&self) -> Result<Option<Duration>, Ended> {
        match &self.module.timeout {
            None => Ok(None),
            Some(amount) => self
                .amount(amount)
                .await
                .map(|n| Some(Duration::from_secs(n))),
        }
    }

    /// A number that may have to be computed.
    pub(super) async fn amount(&self, amount: &Amount) -> Result<u64, Ended> {
        let transform = match amount {
            Amount::Fixed(number) => return Ok(*number),
            Amount::Computed(transform) => transform,
        };
        let value = match self.transformed(transform).await {
            Err(Ended::Failed(failure)) => {
                return Err(Ended::broken_condition(line_of(&failure.result)));
            }
            other => other?,
        };
        let unexpected = || format!("a whole number was expected, and {value} came");
        value
            .as_u64()
            .ok_or_else(|| Ended::broken_condition(unexpected()))
    }

    /// Ends at once with a result, by a job that runs nothing. Where the step has a `skip_if`, it counts as skipped
    /// whatever that says: that is Windmill's.
    async fn pass_on(&self, result: Arc<Value>) -> Result<Ended, StoreError> {
        let skipped = self.module.skip_if.is_some();
        let job = match self.as_passed(skipped) {
            Ok(result) => return Ok(Ended::Done(result)),
            Err(job) => job,
        };
        let beginning = Beginning {
            kind: JobKind::Identity,
            path: None,
            script_hash: None,
            language: None,
            label: self.module.id.clone(),
            args: Arc::default(),
            raw_flow: None,
            flow_status: None,
            queued: false,
        };
        let stop = self.frame.stop.child();
        let card = JobCard::begin(self.standing(job), beginning, None, &stop).await?;
        let status = self.change(|status| {
            status.state = StepState::Success;
            status.job = Some(job);
            status.skipped = skipped;
        });
        let finished = Finished {
            success: true,
            skipped,
            result: Arc::clone(&result),
            flow_status: None,
            log: String::new(),
        };
        card.end(&finished, status).await?;
        Ok(Ended::Done(result))
    }

    pub(super) fn standing(&self, job: JobId) -> Standing<'_> {
        Standing {
            run: &self.frame.run,
            job,
            step: Some((self.frame, &self.module.id)),
        }
    }
}
