//! Loops: over a list, and until a step says stop.
//!
//! Always so: a round's item and number can be read only by the steps directly inside their loop.

use super::body::Inner;
use super::{Body, Done, Rounds};
use crate::catalog::expr::{Code, Use};
use crate::catalog::{Expr, IntoExpr};
use crate::openflow::{Amount, ForLoop, WhileLoop};

/// A loop over a list.
#[derive(Debug)]
pub struct ForEach<T> {
    list: Expr<Vec<T>>,
    summary: String,
    parallel: bool,
    parallelism: Option<Code>,
    skip_failures: bool,
}

impl<T> ForEach<T> {
    /// A loop over this list, one round after the other.
    pub fn of(list: impl IntoExpr<Vec<T>>, summary: &str) -> Self {
        Self {
            list: list.into_expr(),
            summary: summary.to_owned(),
            parallel: false,
            parallelism: None,
            skip_failures: false,
        }
    }

    /// All rounds side by side.
    #[must_use]
    pub fn parallel(mut self) -> Self {
        self.parallel = true;
        self
    }

    /// At most so many rounds side by side.
    #[must_use]
    pub fn at_most(mut self, rounds: impl IntoExpr<i64>) -> Self {
        self.parallel = true;
        self.parallelism = Some(rounds.into_expr().code().clone());
        self
    }

    /// A round that fails does not fail the loop.
    #[must_use]
    pub fn skip_failures(mut self) -> Self {
        self.skip_failures = true;
        self
    }
}

impl Body {
    /// Adds a loop over a list. Its steps are given the round's item.
    ///
    /// What the last of them yields is what the round yields; the loop yields the list of that.
    pub fn for_each<T, R>(
        &mut self,
        id: &str,
        each: ForEach<T>,
        rounds: impl FnOnce(&mut Self, Expr<T>) -> Done<R>,
    ) -> Done<Vec<R>> {
        self.take_id(id);
        self.check(id, each.list.code(), false);
        if let Some(code) = &each.parallelism {
            self.check(id, code, false);
        }
        let item = round_of(id, "value");
        let (modules, _) = self.inner(Inner::ForEach(id), |body| rounds(body, item));
        let value = ForLoop {
            iterator: each.list.code().transform(),
            modules,
            skip_failures: Some(each.skip_failures),
            parallel: Some(each.parallel),
            parallelism: each
                .parallelism
                .map(|code| Amount::Computed(code.transform())),
            other: serde_json::Map::new(),
        };
        self.push_value(id, &each.summary, value);
        Done::new(id)
    }

    /// Adds a loop that goes on until one of its steps says stop. Its steps are given the round's number, from 0.
    ///
    /// What comes back from `rounds` is the step with which the last round ends.
    pub fn repeat<R>(
        &mut self,
        id: &str,
        summary: &str,
        rounds: impl FnOnce(&mut Self, Expr<i64>) -> Done<R>,
    ) -> Done<Rounds<R>> {
        self.take_id(id);
        let number = round_of(id, "index");
        let (modules, _) = self.inner(Inner::While(id), |body| rounds(body, number));
        let value = WhileLoop {
            modules,
            skip_failures: Some(false),
            ..WhileLoop::default()
        };
        self.push_value(id, summary, value);
        Done::new(id)
    }
}

fn round_of<T>(id: &str, part: &str) -> Expr<T> {
    let round = Code::path("flow_input.iter", Use::Round(id.to_owned()));
    Expr::of_code(round.field(part))
}
