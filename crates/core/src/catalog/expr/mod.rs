//! Expressions in a flow, with the type of what they yield.
//!
//! Always so: an expression is made out of inputs, results and values, never out of text, so it cannot name what does
//! not exist, and where it stands with others it reads `null` below what is missing instead of throwing.

mod code;
mod into;
mod operations;

use std::marker::PhantomData;

pub(super) use code::{Code, Use};
pub use into::IntoExpr;
use serde::Serialize;

/// An expression that yields a `T` when the flow runs.
#[derive(Debug)]
pub struct Expr<T> {
    code: Code,
    marker: PhantomData<fn() -> T>,
}

/// A struct whose fields can be read in an expression. Implemented by [`record!`](crate::record).
pub trait Record {}

impl<T> Expr<T> {
    pub(super) fn of_code(code: Code) -> Self {
        Self {
            code,
            marker: PhantomData,
        }
    }

    pub(super) fn code(&self) -> &Code {
        &self.code
    }

    /// The value itself: data, which is never evaluated.
    ///
    /// # Panics
    /// Where the value cannot be written as JSON.
    pub fn fixed(value: &T) -> Self
    where
        T: Serialize,
    {
        let value = serde_json::to_value(value).expect("values given to a flow are JSON");
        Self::of_code(Code::fixed(value))
    }

    /// A field of the struct that this expression yields, such as `claimed.get(Output::claim)`.
    pub fn get<U>(&self, field: impl FnOnce(&Self) -> Expr<U>) -> Expr<U>
    where
        T: Record,
    {
        field(self)
    }

    /// A field by its name. The macro [`record!`](crate::record) calls it with names and types that exist.
    #[doc(hidden)]
    pub fn field_named<U>(&self, name: &str) -> Expr<U> {
        Expr::of_code(self.code.field(name))
    }

    /// The same, as something that may be null.
    #[must_use]
    pub fn optional(&self) -> Expr<Option<T>> {
        Expr::of_code(self.code.clone())
    }

    /// The same, as an object whose fields are not known.
    pub fn as_object(&self) -> Expr<super::Object>
    where
        T: Record,
    {
        Expr::of_code(self.code.clone())
    }
}

impl<T> Clone for Expr<T> {
    fn clone(&self) -> Self {
        Self::of_code(self.code.clone())
    }
}
