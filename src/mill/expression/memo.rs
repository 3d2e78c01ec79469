//! What expressions have yielded before, for those who run the same flow many times over.
//!
//! Always so: an expression is not evaluated again where everything that it saw is the same; one that may yield something
//! else each time always is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::{ExpressionError, Results, Scope};

/// So many answers are kept.
const MOST: usize = 20_000;
/// What an expression names that may yield something else each time, or in another flow.
const CHANGING: [&str; 8] = [
    "Date",
    "random",
    "Intl",
    "performance",
    "globalThis",
    "variable",
    "resource",
    "flow_env",
];

type Outcome = Result<Value, ExpressionError>;
type Read = (String, Result<Arc<Value>, String>);

/// What expressions have yielded.
#[derive(Default)]
pub(super) struct Memo {
    answers: HashMap<String, Vec<Answer>>,
    count: usize,
}

struct Answer {
    /// The results that it looked at.
    read: Vec<Read>,
    outcome: Outcome,
}

impl Memo {
    /// What the expression yields: what it has yielded before, else what `evaluate` says.
    pub(super) fn outcome(
        &mut self,
        expression: &str,
        scope: &Scope,
        evaluate: impl FnOnce(&Scope) -> Outcome,
    ) -> Outcome {
        if CHANGING.iter().any(|word| expression.contains(word)) {
            return evaluate(scope);
        }
        let key = key_of(expression, scope);
        let known = self.answers.get(&key).into_iter().flatten();
        if let Some(answer) = known.into_iter().find(|answer| answer.holds(scope)) {
            return answer.outcome.clone();
        }
        let listening = Arc::new(Listening {
            results: Arc::clone(&scope.results),
            read: Mutex::default(),
        });
        let outcome = evaluate(&Scope {
            results: Arc::clone(&listening) as Arc<dyn Results>,
            ..scope.clone()
        });
        if !matches!(outcome, Err(ExpressionError::TooLong { .. })) {
            let answer = Answer {
                read: listening.take(),
                outcome: outcome.clone(),
            };
            self.keep(key, answer);
        }
        outcome
    }

    fn keep(&mut self, key: String, answer: Answer) {
        if self.count >= MOST {
            self.answers.clear();
            self.count = 0;
        }
        self.count += 1;
        self.answers.entry(key).or_default().push(answer);
    }
}

impl Answer {
    fn holds(&self, scope: &Scope) -> bool {
        let mut read = self.read.iter();
        read.all(|(id, result)| scope.results.result_of(id) == *result)
    }
}

/// The expression and everything that it sees beside results.
fn key_of(expression: &str, scope: &Scope) -> String {
    let mut key = expression.to_owned();
    if expression.contains("flow_input") {
        key.push('\0');
        key.push_str(&serde_json::to_string(&*scope.flow_input).unwrap_or_default());
    }
    let seen = scope.names.iter();
    for (name, value) in seen.filter(|(name, _)| expression.contains(name)) {
        key.push('\0');
        key.push_str(name);
        key.push_str(&value.to_string());
    }
    key
}

/// Results, and which of them were looked at.
struct Listening {
    results: Arc<dyn Results>,
    read: Mutex<Vec<Read>>,
}

impl Listening {
    fn take(&self) -> Vec<Read> {
        std::mem::take(&mut *self.read.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Results for Listening {
    fn result_of(&self, step_id: &str) -> Result<Arc<Value>, String> {
        let result = self.results.result_of(step_id);
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.push((step_id.to_owned(), result.clone()));
        result
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    struct One(Value);

    impl Results for One {
        fn result_of(&self, _: &str) -> Result<Arc<Value>, String> {
            Ok(Arc::new(self.0.clone()))
        }
    }

    #[test]
    fn what_was_seen_is_asked_once_and_anything_else_again() {
        let scope = |input: Value, result: Value| Scope {
            flow_input: Arc::new(Map::from_iter([("n".to_owned(), input)])),
            flow_env: Arc::default(),
            project: Arc::default(),
            names: Vec::new(),
            results: Arc::new(One(result)),
            previous_id: None,
        };
        let (mut memo, mut asked) = (Memo::default(), 0);
        let mut ask = |expression: &str, scope: &Scope| {
            let outcome = memo.outcome(expression, scope, |scope| {
                asked += 1;
                Ok((*scope.results.result_of("a").unwrap()).clone())
            });
            outcome.unwrap();
            asked
        };
        let text = "results.a + flow_input.n";
        assert_eq!(ask(text, &scope(json!(1), json!(2))), 1);
        assert_eq!(ask(text, &scope(json!(1), json!(2))), 1);
        assert_eq!(ask(text, &scope(json!(1), json!(3))), 2);
        assert_eq!(ask(text, &scope(json!(2), json!(2))), 3);
        assert_eq!(ask(text, &scope(json!(1), json!(3))), 3);
        assert_eq!(ask("Date.now()", &scope(json!(1), json!(2))), 4);
        assert_eq!(ask("Date.now()", &scope(json!(1), json!(2))), 5);
    }
}
