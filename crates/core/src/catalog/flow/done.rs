//! A step that came earlier in the flow, by which its result is read.
//!
//! Always so: a result of which the flow cannot be sure has no fields to read as if it were.

use std::marker::PhantomData;

use crate::catalog::expr::{Code, Use};
use crate::catalog::{Expr, Record};

/// A step that came earlier and yields an `R`.
#[derive(Debug)]
pub struct Done<R> {
    id: String,
    marker: PhantomData<fn() -> R>,
}

/// The result of a step that may fail while the flow goes on: an `R`, or `{"error": …}`.
#[derive(Debug)]
pub struct Maybe<R>(PhantomData<R>);

/// The result of a step that may be skipped: its own, or that of the step before.
#[derive(Debug)]
pub struct Unsure;

/// The results of a while loop's rounds.
#[derive(Debug)]
pub struct Rounds<R>(PhantomData<R>);

impl<R> Done<R> {
    pub(super) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            marker: PhantomData,
        }
    }

    /// What the step yields.
    pub fn result(&self) -> Expr<R> {
        self.code()
    }

    /// A field of what the step yields.
    ///
    /// A field that it does not have does not compile:
    ///
    /// ```compile_fail,E0599
    /// # use millwright_core::catalog::FlowBuilder;
    /// use millwright_core::catalog::scripts::protocol_select_next_step as select;
    /// # let mut flow = FlowBuilder::new("f/team/claim", "", "");
    /// let claimed = flow.body().step("claim", select::call(1));
    /// claimed.get(select::Output::nope);
    /// ```
    ///
    /// Nor does one of another script:
    ///
    /// ```compile_fail,E0631
    /// # use millwright_core::catalog::FlowBuilder;
    /// use millwright_core::catalog::scripts::{protocol_select_next_step as select, step_run_qa_api as qa};
    /// # let mut flow = FlowBuilder::new("f/team/claim", "", "");
    /// let claimed = flow.body().step("claim", select::call(1));
    /// claimed.get(qa::Output::verdict);
    /// ```
    ///
    /// Nor is what may be null given where null will not do, unless it is said what to take instead:
    ///
    /// ```compile_fail,E0277
    /// # use millwright_core::catalog::FlowBuilder;
    /// use millwright_core::catalog::scripts::{protocol_select_next_step as select, step_execute_api as execute};
    /// # let mut flow = FlowBuilder::new("f/team/claim", "", "");
    /// let claimed = flow.body().step("claim", select::call(1));
    /// execute::call(claimed.get(select::Output::step_run_id));
    /// ```
    pub fn get<T>(&self, field: impl FnOnce(&Expr<R>) -> Expr<T>) -> Expr<T>
    where
        R: Record,
    {
        self.result().get(field)
    }

    fn code<T>(&self) -> Expr<T> {
        let path = format!("results.{}", self.id);
        Expr::of_code(Code::path(&path, Use::Step(self.id.clone())))
    }
}

impl<R: Record> Done<Maybe<R>> {
    /// A field of what the step yields; null where it failed.
    pub fn maybe<T>(&self, field: impl FnOnce(&Expr<R>) -> Expr<T>) -> Expr<Option<T>> {
        let field = field(&self.code());
        Expr::of_code(field.code().clone())
    }
}

impl Done<Unsure> {
    /// A field of what the step yields where that is an `R`; null where it has no such field.
    pub fn perhaps<R: Record, T>(
        &self,
        field: impl FnOnce(&Expr<R>) -> Expr<T>,
    ) -> Expr<Option<T>> {
        let field = field(&self.code());
        Expr::of_code(field.code().clone())
    }
}

impl<R> Done<Rounds<R>> {
    /// What the last round yielded. There always is one.
    pub fn last(&self) -> Expr<R> {
        let rounds = self.code::<Rounds<R>>();
        let text = format!("{}?.at(-1)", rounds.code().operand());
        Expr::of_code(Code::composite(text, &[rounds.code()]))
    }
}

impl<R> Clone for Done<R> {
    fn clone(&self) -> Self {
        Self::new(&self.id)
    }
}
