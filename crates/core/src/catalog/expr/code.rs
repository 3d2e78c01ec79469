//! The text of an expression, and what it makes use of.
//!
//! Always so: a plain path stands alone only where Windmill's fast path and its JavaScript engine agree on it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::openflow::Transform;

/// Something that an expression reads and that has to be there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::catalog) enum Use {
    /// The result of a step.
    Step(String),
    /// An input of the flow.
    Input(String),
    /// The item or the number of a loop's round.
    Round(String),
    /// The result that `stop_after_if` looks at.
    OwnResult,
    /// The error that the failure step gets.
    Error,
}

/// The text of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::catalog) struct Code {
    form: Form,
    uses: BTreeSet<Use>,
}

#[derive(Debug, Clone, PartialEq)]
enum Form {
    Fixed(Value),
    /// A path, from a root that is always there.
    Path {
        root: String,
        fields: Vec<String>,
    },
    Composite(String),
}

/// Words that Windmill looks for in an expression's text, also within its strings.
const REWRITTEN: [&str; 5] = [
    "results",
    "variable",
    "resource",
    "return",
    "previous_result",
];

impl Code {
    pub(in crate::catalog) fn fixed(value: Value) -> Self {
        Self {
            form: Form::Fixed(value),
            uses: BTreeSet::new(),
        }
    }

    pub(in crate::catalog) fn path(root: &str, uses: Use) -> Self {
        let form = Form::Path {
            root: root.to_owned(),
            fields: Vec::new(),
        };
        Self {
            form,
            uses: BTreeSet::from([uses]),
        }
    }

    /// A text made out of other expressions' operands.
    pub(in crate::catalog) fn composite(text: String, parts: &[&Self]) -> Self {
        Self {
            form: Form::Composite(text),
            uses: parts.iter().flat_map(|part| part.uses.clone()).collect(),
        }
    }

    pub(in crate::catalog) fn field(&self, name: &str) -> Self {
        let form = match &self.form {
            Form::Path { root, fields } => Form::Path {
                root: root.clone(),
                fields: fields.iter().cloned().chain([name.to_owned()]).collect(),
            },
            Form::Fixed(_) | Form::Composite(_) => {
                Form::Composite(format!("{}?.{name}", self.operand()))
            }
        };
        Self {
            form,
            uses: self.uses.clone(),
        }
    }

    pub(in crate::catalog) fn uses(&self) -> &BTreeSet<Use> {
        &self.uses
    }

    /// The text where it stands alone, as a branch's condition.
    pub(in crate::catalog) fn alone(&self) -> String {
        match &self.form {
            Form::Fixed(value) => literal(value),
            Form::Path { root, fields } => path_alone(root, fields),
            Form::Composite(text) => text.clone(),
        }
    }

    /// The text where it stands among others.
    pub(in crate::catalog) fn operand(&self) -> String {
        match &self.form {
            Form::Fixed(value @ (Value::Object(_) | Value::Array(_))) => {
                format!("({})", literal(value))
            }
            Form::Fixed(value) => literal(value),
            Form::Path { root, fields } => {
                let fields = fields.iter().map(|name| format!("?.{name}"));
                fields.fold(root.clone(), |path, field| path + &field)
            }
            Form::Composite(text) => format!("({text})"),
        }
    }

    /// As the source of an argument.
    pub(in crate::catalog) fn transform(&self) -> Transform {
        match &self.form {
            Form::Fixed(value) => Transform::Static(value.clone()),
            Form::Path { .. } | Form::Composite(_) => Transform::Javascript(self.alone()),
        }
    }
}

/// Windmill reads a plain path from the stored JSON, where a list has no `length`: parentheses make it JavaScript.
fn path_alone(root: &str, fields: &[String]) -> String {
    let path = fields
        .iter()
        .fold(root.to_owned(), |path, name| format!("{path}.{name}"));
    if fields.last().is_some_and(|name| name == "length") {
        format!("({path})")
    } else {
        path
    }
}

/// A value as JavaScript. Words that Windmill would rewrite inside a string are written with an escape.
fn literal(value: &Value) -> String {
    REWRITTEN.iter().fold(value.to_string(), |text, word| {
        let (first, rest) = word.split_at(1);
        let escaped = format!("\\u{:04x}{rest}", first.as_bytes()[0]);
        text.replace(word, &escaped)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(fields: &[&str]) -> Code {
        let root = Code::path("results.a", Use::Step("a".to_owned()));
        fields.iter().fold(root, |code, name| code.field(name))
    }

    #[test]
    fn a_path_is_plain_alone_and_null_safe_among_others() {
        assert_eq!(path(&["b", "c"]).alone(), "results.a.b.c");
        assert_eq!(path(&["b", "c"]).operand(), "results.a?.b?.c");
    }

    #[test]
    fn a_length_is_kept_off_the_fast_path() {
        assert_eq!(
            path(&["items", "length"]).alone(),
            "(results.a.items.length)"
        );
    }

    #[test]
    fn strings_cannot_be_rewritten() {
        let code = Code::fixed(json!("results.a and variable(x)"));
        assert_eq!(code.operand(), r#""\u0072esults.a and \u0076ariable(x)""#);
        assert_eq!(
            code.transform(),
            Transform::fixed("results.a and variable(x)")
        );
    }
}
