//! What can be done with an expression, by its type.
//!
//! Always so: no operation throws on `null`, so none can break a branch's condition.

use super::code::Code;
use super::{Expr, IntoExpr};

impl<T> Expr<T> {
    /// Whether it yields this value.
    #[must_use]
    pub fn is(&self, value: impl IntoExpr<T>) -> Expr<bool> {
        self.joined("===", value.into_expr().code())
    }

    /// Whether it yields anything but this value.
    #[must_use]
    pub fn is_not(&self, value: impl IntoExpr<T>) -> Expr<bool> {
        self.joined("!==", value.into_expr().code())
    }

    fn joined<U>(&self, operator: &str, other: &Code) -> Expr<U> {
        let text = format!("{} {operator} {}", self.code.operand(), other.operand());
        Expr::of_code(Code::composite(text, &[&self.code, other]))
    }

    fn followed_by<U>(&self, text: &str) -> Expr<U> {
        let text = format!("{}{text}", self.code.operand());
        Expr::of_code(Code::composite(text, &[&self.code]))
    }
}

impl<T> Expr<Option<T>> {
    /// What to take instead of `null`.
    #[must_use]
    pub fn or(&self, instead: impl IntoExpr<T>) -> Expr<T> {
        self.joined("??", instead.into_expr().code())
    }

    /// What to take instead of `null`, where that may be `null` too.
    #[must_use]
    pub fn or_maybe(&self, instead: impl IntoExpr<Option<T>>) -> Self {
        self.joined("??", instead.into_expr().code())
    }

    /// The same, where `0`, `false` and the empty text count as `null`: an empty field of a form.
    #[must_use]
    pub fn unless_empty(&self) -> Self {
        self.followed_by(" || null")
    }

    /// Whether it yields `null`.
    #[must_use]
    pub fn is_null(&self) -> Expr<bool> {
        self.followed_by(" == null")
    }

    /// Whether it yields anything but `null`.
    #[must_use]
    pub fn is_some(&self) -> Expr<bool> {
        self.followed_by(" != null")
    }

    /// Something made out of it; null where it is null.
    pub fn map<U>(&self, change: impl FnOnce(Expr<T>) -> Expr<U>) -> Expr<Option<U>> {
        let changed = change(self.known());
        let text = format!(
            "{} == null ? null : {}",
            self.code.operand(),
            changed.code().operand()
        );
        Expr::of_code(Code::composite(text, &[&self.code, changed.code()]))
    }

    /// The same, where the place in the flow makes sure that it is not `null`.
    pub(in crate::catalog) fn known(&self) -> Expr<T> {
        Expr::of_code(self.code.clone())
    }
}

impl<T> Expr<Vec<T>> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> Expr<i64> {
        self.followed_by("?.length ?? 0")
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> Expr<bool> {
        let text = format!("!{}?.length", self.code.operand());
        Expr::of_code(Code::composite(text, &[&self.code]))
    }
}

impl Expr<bool> {
    /// Whether it does not hold.
    #[must_use]
    pub fn not(&self) -> Self {
        let text = format!("!{}", self.code.operand());
        Self::of_code(Code::composite(text, &[&self.code]))
    }

    /// Whether both hold.
    #[must_use]
    pub fn and(&self, other: impl IntoExpr<bool>) -> Self {
        self.joined("&&", other.into_expr().code())
    }

    /// Whether one of them holds.
    #[must_use]
    pub fn or(&self, other: impl IntoExpr<bool>) -> Self {
        self.joined("||", other.into_expr().code())
    }

    /// One thing where it holds, another where it does not.
    #[must_use]
    pub fn choose<T>(&self, yes: impl IntoExpr<T>, no: impl IntoExpr<T>) -> Expr<T> {
        let (yes, no) = (yes.into_expr(), no.into_expr());
        let [condition, yes, no] = [&self.code, yes.code(), no.code()];
        let text = format!(
            "{} ? {} : {}",
            condition.operand(),
            yes.operand(),
            no.operand()
        );
        Expr::of_code(Code::composite(text, &[condition, yes, no]))
    }
}

impl Expr<i64> {
    /// Whether it is as large as that or larger.
    #[must_use]
    pub fn at_least(&self, least: impl IntoExpr<i64>) -> Expr<bool> {
        self.joined(">=", least.into_expr().code())
    }

    /// That much more.
    #[must_use]
    pub fn plus(&self, more: impl IntoExpr<i64>) -> Self {
        self.joined("+", more.into_expr().code())
    }
}

impl Expr<String> {
    /// The text with another before it.
    #[must_use]
    pub fn after(&self, before: impl IntoExpr<String>) -> Self {
        before.into_expr().joined("+", &self.code)
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::expr::{Code, Expr, Use};

    fn input<T>(name: &str) -> Expr<T> {
        let path = format!("flow_input.{name}");
        Expr::of_code(Code::path(&path, Use::Input(name.to_owned())))
    }

    #[test]
    fn operations_nest_with_parentheses() {
        let count = input::<Option<i64>>("count").unless_empty().or(3);
        assert_eq!(count.code().alone(), "(flow_input.count || null) ?? 3");
        assert_eq!(
            count
                .at_least(5)
                .and(input::<bool>("on").not())
                .code()
                .alone(),
            "(((flow_input.count || null) ?? 3) >= 5) && (!flow_input.on)"
        );
    }

    #[test]
    fn lists_and_texts() {
        let list = input::<Vec<String>>("list");
        assert_eq!(list.is_empty().code().alone(), "!flow_input.list?.length");
        assert_eq!(list.len().code().alone(), "flow_input.list?.length ?? 0");
        let title = input::<String>("name").after("[x] ");
        assert_eq!(title.code().alone(), r#""[x] " + flow_input.name"#);
    }
}
