//! The step that makes a flow's inputs out of what a caller sent.
//!
//! Always so: it runs before everything else of the flow, sees what was sent, and what it yields takes its place.

use std::sync::Arc;

use millwright_core::openflow::{FlowValue, Module};
use serde_json::{Map, Value, json};

use super::frame::Frame;
use super::outcome::Ended;
use super::step::{Slot, Step};
use crate::mill::stored::stored_object;
use crate::store::StoreError;

/// The argument by which a script knows that its `preprocessor` is called and not its `main`.
const ENTRY: &str = "_ENTRYPOINT_OVERRIDE";

impl Frame {
    /// Runs a flow's preprocessor: the same flow with its new inputs, or how the flow ended before it began.
    pub(super) async fn preprocess(
        self: &Arc<Self>,
        value: &FlowValue,
    ) -> Result<Result<Arc<Self>, Ended>, StoreError> {
        let Some(module) = value.preprocessor_module.as_deref() else {
            return Ok(Ok(Arc::clone(self)));
        };
        self.change(|status| status.preprocesses(&module.id));
        match self.preprocessing(module).await? {
            Ended::Done(result) => {
                let inputs = Arc::new(inputs_of(&result));
                let records = &self.run.mill.records;
                let secrets = &self.run.plan.project.secrets;
                let stored = secrets.stored(Arc::clone(&inputs));
                let text = serde_json::to_string(&*stored).unwrap_or_default();
                records.preprocessed(self.job, text).await?;
                Ok(Ok(self.with_inputs(inputs)))
            }
            Ended::Failed(failure) if failure.to_handler => Ok(Err(self.handle(failure).await?)),
            ended => Ok(Err(ended)),
        }
    }

    async fn preprocessing(self: &Arc<Self>, module: &Module) -> Result<Ended, StoreError> {
        let sent = Arc::new(Value::Object((*self.flow_input).clone()));
        let step = Step::new(self, Slot::Preprocessor, module, sent, None);
        Box::pin(step.run()).await
    }
}

/// What a preprocessor gets: all that was sent.
pub(super) fn args_of(flow_input: &Map<String, Value>) -> Map<String, Value> {
    let mut args = flow_input.clone();
    args.insert(ENTRY.to_owned(), "preprocessor".into());
    stored_object(args)
}

/// A flow's inputs: an object as it is, nothing for null, anything else as `value`.
fn inputs_of(result: &Value) -> Map<String, Value> {
    match result {
        Value::Object(inputs) => inputs.clone(),
        Value::Null => Map::new(),
        other => Map::from_iter([("value".to_owned(), json!(other))]),
    }
}
