//! A list of steps, one after the other, and the failure handler.
//!
//! Always so: the first step's `previous_result` is the arguments; each later one's is the result before it.

use std::sync::Arc;

use millwright_core::openflow::Module;
use serde_json::Value;

use super::frame::Frame;
use super::outcome::{Ended, Failure};
use super::step::{Slot, Step};
use crate::store::StoreError;

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
            let step = Step {
                frame: self,
                slot: Slot::Module(index),
                module,
                previous,
                previous_id,
            };
            // Boxed because a step may hold steps.
            let ended = Box::pin(step.run()).await?;
            previous = match ended {
                Ended::Done(result) => result,
                Ended::Failed(failure)
                    if failure.begun && module.continue_on_error == Some(true) =>
                {
                    failure.result
                }
                ended => return Ok(ended),
            };
            self.keep_result(&module.id, &previous);
            previous_id = Some(module.id.as_str());
        }
        self.change(|status| status.step = modules.len());
        Ok(Ended::Done(previous))
    }

    /// Runs the failure handler, where there is one. The flow has failed all the same, with the handler's result.
    async fn handle(self: &Arc<Self>, failure: Failure) -> Result<Ended, StoreError> {
        let Some(module) = self.failure_module.as_ref() else {
            return Ok(Ended::Failed(failure));
        };
        let failed_id = self.change_and_name_failed();
        let step = Step {
            frame: self,
            slot: Slot::Failure,
            module,
            previous: Arc::clone(&failure.result),
            previous_id: failed_id.as_deref(),
        };
        let result = match Box::pin(step.run()).await? {
            Ended::Done(result) | Ended::Stopped { result, .. } => result,
            Ended::Failed(failure) => failure.result,
            Ended::Canceled => return Ok(Ended::Canceled),
        };
        Ok(Ended::Failed(Failure {
            result,
            to_handler: false,
            handled: true,
            begun: true,
        }))
    }

    /// The id of the step that failed, noted in the handler's status.
    fn change_and_name_failed(&self) -> Option<String> {
        let mut failed = None;
        self.change(|status| {
            failed = status.modules.get(status.step).map(|step| step.id.clone());
            status.failure.parent_module.clone_from(&failed);
        });
        failed
    }
}
