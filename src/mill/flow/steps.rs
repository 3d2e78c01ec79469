//! A list of steps, one after the other, and the failure handler.
//!
//! Always so: the first step's `previous_result` is the arguments; each later one's is the result before it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use millwright_core::openflow::Module;
use serde_json::Value;

use super::frame::Frame;
use super::outcome::{Ended, Failure, Handled};
use super::step::{Slot, Step};
use crate::store::StoreError;

/// A step that holds steps that hold steps needs more stack than a thread may have left.
const ROOM: usize = 1024 * 1024;
/// So much more it is given at once.
const MORE: usize = 8 * 1024 * 1024;

/// Work that is given more stack where there is too little left.
struct WithRoom<F>(Pin<Box<F>>);

impl<F: Future> Future for WithRoom<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        stacker::maybe_grow(ROOM, MORE, || self.0.as_mut().poll(context))
    }
}

impl Frame {
    /// Runs the steps of a flow, round or branch, and its failure handler where one of them failed.
    pub(super) async fn run_steps(
        self: &Arc<Self>,
        modules: &[Module],
    ) -> Result<Ended, StoreError> {
        match self.run_list(modules).await? {
            Ended::Failed(failure) if failure.to_handler => self.handle(failure).await,
            ended => Ok(ended),
        }
    }

    async fn run_list(self: &Arc<Self>, modules: &[Module]) -> Result<Ended, StoreError> {
        let mut previous = Arc::new(Value::Object((*self.flow_input).clone()));
        let mut previous_id = None;
        for (index, module) in modules.iter().enumerate() {
            if self.stop.cause().is_some() {
                return Ok(Ended::Canceled);
            }
            self.change(|status| status.step = index);
            let before = index.checked_sub(1).and_then(|before| modules.get(before));
            let waited = match before {
                Some(before) => self.between(before, (index, &module.id), &previous).await?,
                None => Ok(None),
            };
            let ended = match waited {
                Err(ended) => ended,
                Ok(resumed) => {
                    let slot = Slot::Module(index);
                    let step = Step::new(self, slot, module, previous, previous_id);
                    // Boxed because a step may hold steps.
                    WithRoom(Box::pin(step.after(resumed).run())).await?
                }
            };
            previous = match ended {
                Ended::Done(result) => result,
                Ended::Failed(failure) if self.goes_on(module, &failure) => failure.result,
                ended => return Ok(ended),
            };
            self.keep_result(&module.id, &previous);
            previous_id = Some(module.id.as_str());
        }
        self.change(|status| status.step = modules.len());
        Ok(Ended::Done(previous))
    }

    /// Whether a flow goes on after a failure. One that a message ended does so only where there is a failure handler:
    /// that is Windmill's.
    fn goes_on(&self, module: &Module, failure: &Failure) -> bool {
        let is_final = failure.early && self.failure_module.is_none();
        failure.begun && !is_final && module.continue_on_error == Some(true)
    }

    /// Runs the failure handler, where there is one. The flow has failed all the same, with the handler's
    /// result, unless that says `{"recover": true}`.
    pub(super) async fn handle(self: &Arc<Self>, failure: Failure) -> Result<Ended, StoreError> {
        let Some(module) = self.failure_module.as_ref() else {
            return Ok(Ended::Failed(failure));
        };
        let failed_id = self.change_and_name_failed();
        let previous = Arc::clone(&failure.result);
        let step = Step::new(self, Slot::Failure, module, previous, failed_id.as_deref());
        let (success, result) = match Box::pin(step.run()).await? {
            Ended::Done(result) | Ended::Stopped { result, .. } => (true, result),
            Ended::Failed(failure) => (false, failure.result),
            Ended::Canceled => return Ok(Ended::Canceled),
        };
        let handled = Handled {
            success,
            recovers: success && result["recover"] == true,
        };
        Ok(Ended::Failed(Failure {
            result,
            to_handler: false,
            handled: Some(handled),
            begun: true,
            early: false,
        }))
    }

    /// The id of the step that failed, noted in the handler's status.
    fn change_and_name_failed(&self) -> Option<String> {
        let mut failed = None;
        self.change(|status| {
            failed = status.failing_id().map(str::to_owned);
            status.failure.parent_module.clone_from(&failed);
        });
        failed
    }
}
