//! Where a step's argument comes from: a fixed value, or an expression.
//!
//! Always so: a static value is data and is never evaluated, whatever it looks like.

use serde_json::{Map, Value, json};

use super::OpenFlowError;
use super::node::{Node, Place, object_of, take};

/// Where one argument comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Transform {
    /// `{"type": "static", "value": …}`: the value as it is.
    Static(Value),
    /// `{"type": "javascript", "expr": …}`: what the expression yields.
    Javascript(String),
    /// A transform of another type or with more fields, as it was written.
    Other(Map<String, Value>),
}

/// A number, or a transform that yields one: `timeout`, `parallelism`.
#[derive(Debug, Clone, PartialEq)]
pub enum Amount {
    /// The number itself.
    Fixed(u64),
    /// Computed when the step is reached.
    Computed(Transform),
}

impl Transform {
    /// A fixed value.
    pub fn fixed(value: impl Into<Value>) -> Self {
        Self::Static(value.into())
    }

    /// An expression.
    pub fn javascript(expression: impl Into<String>) -> Self {
        Self::Javascript(expression.into())
    }
}

impl Node for Transform {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, OpenFlowError> {
        let whole = object_of(value, place)?;
        let mut rest = whole.clone();
        let kind: String = take(&mut rest, "type", place)?;
        let read = match kind.as_str() {
            "static" => Self::Static(rest.shift_remove("value").unwrap_or_default()),
            "javascript" => Self::Javascript(take(&mut rest, "expr", place)?),
            _ => return Ok(Self::Other(whole)),
        };
        Ok(if rest.is_empty() {
            read
        } else {
            Self::Other(whole)
        })
    }

    fn write(&self) -> Option<Value> {
        Some(match self {
            Self::Static(value) => json!({"type": "static", "value": value}),
            Self::Javascript(expr) => json!({"type": "javascript", "expr": expr}),
            Self::Other(object) => Value::Object(object.clone()),
        })
    }
}

impl Node for Amount {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, OpenFlowError> {
        match value {
            Value::Object(_) => Transform::read(value, place).map(Self::Computed),
            number => u64::read(number, place).map(Self::Fixed),
        }
    }

    fn write(&self) -> Option<Value> {
        match self {
            Self::Fixed(number) => number.write(),
            Self::Computed(transform) => transform.write(),
        }
    }
}
