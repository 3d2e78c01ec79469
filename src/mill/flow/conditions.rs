//! What is computed around a step: its arguments, whether it is skipped, whether it ends the flow.
//!
//! Always so: an argument that throws fails the step, and the failure handler runs; a condition that throws fails the
//! flow, and it does not.

use std::sync::Arc;

use indexmap::IndexMap;
use millwright_core::openflow::{StopAfterIf, Transform};
use serde_json::{Map, Value};

use super::outcome::Ended;
use super::preprocessor;
use super::step::{Slot, Step};
use crate::mill::expression::{ExpressionError, Scope, error_in};
use crate::mill::ledger::Decision;
use crate::mill::stored::stored_object;
use crate::mill::worker::failed;
use crate::store::StoreError;

impl Step<'_> {
    /// The step's arguments. A further try has those of the first; where they could not be computed it has none: that is
    /// Windmill's.
    pub(super) async fn arguments(
        &self,
        transforms: &IndexMap<String, Transform>,
    ) -> Result<Map<String, Value>, Ended> {
        if matches!(self.slot, Slot::Preprocessor) {
            return Ok(preprocessor::args_of(&self.frame.flow_input));
        }
        if let Some(args) = self.first_args() {
            return Ok(args.clone());
        }
        let args = self.computed(transforms).await;
        match &args {
            Ok(args) => self.keep_args(args),
            Err(_) => self.keep_args(&Map::new()),
        }
        args
    }

    async fn computed(
        &self,
        transforms: &IndexMap<String, Transform>,
    ) -> Result<Map<String, Value>, Ended> {
        let mut args = Map::new();
        for (name, transform) in transforms {
            args.insert(name.clone(), self.transformed(transform).await?);
        }
        Ok(stored_object(args))
    }

    /// The value of one argument.
    pub(super) async fn transformed(&self, transform: &Transform) -> Result<Value, Ended> {
        let expression = match transform {
            Transform::Static(value) => return Ok(value.clone()),
            Transform::Javascript(expression) => expression,
            Transform::Other(_) => return Ok(Value::Null),
        };
        let value = self.value_of(expression).await;
        value.map_err(|error| {
            let message =
                format!("Error during isolated evaluation of expression `{expression}`:\n{error}");
            Ended::failed(failed("ExecutionErr", &message))
        })
    }

    pub(super) async fn is_skipped(&self) -> Result<bool, ExpressionError> {
        match &self.module.skip_if {
            None => Ok(false),
            Some(predicate) => {
                let skipped = self.holds(&predicate.expr).await?;
                self.frame.decided(&self.module.id, Decision::Skip(skipped));
                Ok(skipped)
            }
        }
    }

    /// Whether a condition holds before the step runs.
    pub(super) async fn holds(&self, expression: &str) -> Result<bool, ExpressionError> {
        let scope = self.scope(expression);
        self.frame.run.mill.engine.holds(expression, &scope).await
    }

    /// What follows from `stop_after_if` or, of a loop or all branches, from `stop_after_all_iters_if`.
    pub(super) async fn stop_after(
        &self,
        ended: Ended,
        condition: Option<&StopAfterIf>,
    ) -> Result<Ended, StoreError> {
        // Neither the failure handler nor the preprocessor stops anything.
        let condition = condition.filter(|_| matches!(self.slot, Slot::Module(_)));
        let (Ended::Done(result), Some(condition)) = (&ended, condition) else {
            return Ok(ended);
        };
        let after = self.stopped_by(condition, Arc::clone(result)).await;
        if matches!(after, Ended::Failed(_)) {
            self.write_end(&after).await?;
        } else if let Ended::Stopped { skipped: true, .. } = after {
            let text = self.change(|status| status.skipped = true);
            self.frame.write_status(text).await?;
        }
        Ok(after)
    }

    /// What a condition makes of a result: it goes on, stops or fails.
    async fn stopped_by(&self, condition: &StopAfterIf, result: Arc<Value>) -> Ended {
        match self.holds_after(condition, &result, None).await {
            Err(error) => Ended::broken_stop(error),
            Ok(false) => Ended::Done(result),
            Ok(true) => match &condition.error_message {
                Some(message) => Ended::stopped_early(condition, message),
                None => Ended::Stopped {
                    result,
                    skipped: condition.skip_if_stopped == Some(true),
                },
            },
        }
    }

    /// Whether a condition holds for a result. `all_iters` are the results of a loop's rounds so far.
    pub(super) async fn holds_after(
        &self,
        condition: &StopAfterIf,
        result: &Arc<Value>,
        all_iters: Option<Arc<Value>>,
    ) -> Result<bool, ExpressionError> {
        let mut names = vec![
            ("result", Arc::clone(result)),
            ("previous_result", Arc::clone(result)),
        ];
        names.extend(all_iters.map(|all| ("all_iters", all)));
        let scope = self.frame.scope(None, names);
        let engine = &self.frame.run.mill.engine;
        let holds = engine.holds(&condition.expr, &scope).await?;
        self.frame.decided(&self.module.id, Decision::Stop(holds));
        Ok(holds)
    }

    async fn value_of(&self, expression: &str) -> Result<Value, ExpressionError> {
        let scope = self.scope(expression);
        self.frame
            .run
            .mill
            .engine
            .value_of(expression, &scope)
            .await
    }

    fn scope(&self, expression: &str) -> Scope {
        let mut names = vec![("previous_result", Arc::clone(&self.previous))];
        if matches!(self.slot, Slot::Failure) || expression.contains("error") {
            names.push(("error", Arc::new(error_in(&self.previous))));
        }
        names.extend(self.answers_for(expression));
        self.frame.scope(self.previous_id, names)
    }
}
