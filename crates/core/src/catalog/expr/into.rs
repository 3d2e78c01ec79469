//! What may be given where an expression is wanted: the expression, a value, and either where `null` would do too.
//!
//! Always so: nothing that may be `null` passes where `null` will not do.

use serde_json::Value;

use super::Expr;
use crate::catalog::Object;
use crate::protocol::{ProtocolStatus, QaVerdict, StepStatus};
use crate::refs::RunStatus;

/// What may be given for an argument of type `T`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be given where a `{T}` is wanted",
    note = "for an expression that may be null, say what to take instead: `.or(…)`"
)]
pub trait IntoExpr<T> {
    /// The expression.
    fn into_expr(self) -> Expr<T>;
}

impl<T> IntoExpr<T> for Expr<T> {
    fn into_expr(self) -> Self {
        self
    }
}

impl<T> IntoExpr<T> for &Expr<T> {
    fn into_expr(self) -> Expr<T> {
        self.clone()
    }
}

impl<T> IntoExpr<Option<T>> for Expr<T> {
    fn into_expr(self) -> Expr<Option<T>> {
        Expr::of_code(self.code)
    }
}

impl<T> IntoExpr<Option<T>> for &Expr<T> {
    fn into_expr(self) -> Expr<Option<T>> {
        Expr::of_code(self.code.clone())
    }
}

/// Lets values of a type be given where an expression is wanted.
#[macro_export]
#[doc(hidden)]
macro_rules! values_are_expressions {
    ($($given:ty => $type:ty),+ $(,)?) => {
        $(
            impl $crate::catalog::IntoExpr<$type> for $given {
                fn into_expr(self) -> $crate::catalog::Expr<$type> {
                    $crate::catalog::Expr::fixed(&<$type>::from(self))
                }
            }

            impl $crate::catalog::IntoExpr<Option<$type>> for $given {
                fn into_expr(self) -> $crate::catalog::Expr<Option<$type>> {
                    $crate::catalog::Expr::fixed(&Some(<$type>::from(self)))
                }
            }
        )+
    };
}

values_are_expressions! {
    i64 => i64,
    f64 => f64,
    bool => bool,
    &str => String,
    String => String,
    Object => Object,
    Value => Value,
    RunStatus => RunStatus,
    ProtocolStatus => ProtocolStatus,
    StepStatus => StepStatus,
    QaVerdict => QaVerdict,
    Vec<String> => Vec<String>,
    Vec<i64> => Vec<i64>,
}
