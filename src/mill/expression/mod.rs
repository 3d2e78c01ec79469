//! Expressions: what a step's argument, condition or list is computed from.
//!
//! Always so: a plain path is looked up in JSON without JavaScript, and so keeps every digit but knows no `length`;
//! anything else is JavaScript. Both are Windmill's rules.

mod engine;
mod memo;
mod path;
mod rewrite;

use std::sync::Arc;
use std::time::Duration;

pub(super) use engine::Engine;
use serde_json::{Map, Value, json};

use super::project::Project;

/// Finds the results of steps.
pub(super) trait Results: Send + Sync {
    /// The result of a step that has run, or why there is none.
    fn result_of(&self, step_id: &str) -> Result<Arc<Value>, String>;
}

/// What an expression can see.
#[derive(Clone)]
pub(super) struct Scope {
    /// The flow's arguments, with `iter` inside a loop.
    pub(super) flow_input: Arc<Map<String, Value>>,
    /// Names with values that the flow has for all of its steps.
    pub(super) flow_env: Arc<Map<String, Value>>,
    /// What the project says: `variable()` and `resource()` find their values there.
    pub(super) project: Arc<Project>,
    /// Names with values, such as `previous_result`.
    pub(super) names: Vec<(&'static str, Arc<Value>)>,
    /// The results of steps.
    pub(super) results: Arc<dyn Results>,
    /// The step before: its result is `previous_result`.
    pub(super) previous_id: Option<String>,
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ExpressionError {
    /// It took too long.
    #[error("the evaluation of `{expression}` took too long to execute (>{}ms)", limit.as_millis())]
    TooLong {
        /// The expression.
        expression: String,
        /// How long it may take.
        limit: Duration,
    },
    /// It threw, or is no JavaScript.
    #[error("{0}")]
    Threw(String),
    /// A step that it names has no result.
    #[error("{0}")]
    NotFound(String),
}

impl Engine {
    /// The value of an expression.
    pub(super) async fn value_of(
        &self,
        expression: &str,
        scope: &Scope,
    ) -> Result<Value, ExpressionError> {
        let expression = expression.trim();
        match scope.plain_value(expression) {
            Some(value) => value,
            None => self.run(expression, scope).await,
        }
    }

    /// Whether a condition holds. Conditions are never plain paths.
    pub(super) async fn holds(
        &self,
        expression: &str,
        scope: &Scope,
    ) -> Result<bool, ExpressionError> {
        let wrapped = format!("Boolean({expression})");
        Ok(self.value_of(&wrapped, scope).await? == Value::Bool(true))
    }
}

impl Scope {
    /// The value of an expression that needs no JavaScript.
    fn plain_value(&self, expression: &str) -> Option<Result<Value, ExpressionError>> {
        if let Some((_, value)) = self.names.iter().find(|(name, _)| *name == expression) {
            return Some(Ok((**value).clone()));
        }
        for (name, values) in [
            ("flow_input", &self.flow_input),
            ("flow_env", &self.flow_env),
        ] {
            if let Some(key) = path::key_of(name, expression)
                && let Some(value) = values.get(key)
            {
                return Some(Ok(value.clone()));
            }
        }
        if self.is_previous(expression) {
            return self.named("previous_result").map(Ok);
        }
        if let Some((key, rest)) = path::path_of("flow_env", expression) {
            let value = self.flow_env.get(key).unwrap_or(&Value::Null);
            return Some(Ok(path::look_up(value, &rest)));
        }
        let (step_id, rest) = path::path_of("results", expression)?;
        Some(match self.results.result_of(step_id) {
            Ok(result) => Ok(path::look_up(&result, &rest)),
            Err(reason) => Err(ExpressionError::NotFound(reason)),
        })
    }

    fn is_previous(&self, expression: &str) -> bool {
        self.previous_id
            .as_ref()
            .is_some_and(|id| path::is_result_of(expression, id))
    }

    fn named(&self, name: &str) -> Option<Value> {
        let mut names = self.names.iter();
        names
            .find(|(known, _)| *known == name)
            .map(|(_, value)| (**value).clone())
    }
}

/// What `error` is, given the result of the step that failed: its `error`, or, of a list, the errors in it.
pub(super) fn error_in(result: &Value) -> Value {
    if let Some(error) = result.get("error").filter(|error| !error.is_null()) {
        return error.clone();
    }
    let Value::Array(items) = result else {
        return match result {
            Value::Null => json!({"name": "UnknownError", "message": "No error found"}),
            other => {
                json!({"name": "UnknownError", "message": "Could not parse the error", "error": other})
            }
        };
    };
    let errors: Vec<&Value> = items.iter().filter_map(|item| item.get("error")).collect();
    match errors.as_slice() {
        [error] => (*error).clone(),
        errors => {
            json!({"name": "MultipleErrors", "message": message_of(errors), "errors": result})
        }
    }
}

fn message_of(errors: &[&Value]) -> String {
    if errors.is_empty() {
        return "Could not parse errors".to_owned();
    }
    let describe = |(index, error): (usize, &&Value)| {
        let text = |key: &str| error.get(key).and_then(Value::as_str);
        let step = text("step_id").map_or_else(|| index.to_string(), str::to_owned);
        let message = text("message").or(text("name")).unwrap_or("failed");
        format!("[{step}] {message}")
    };
    let described: Vec<String> = errors.iter().enumerate().map(describe).collect();
    described.join("; ")
}

#[cfg(test)]
mod tests;
