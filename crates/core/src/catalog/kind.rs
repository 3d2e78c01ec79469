//! How one argument is written as a bash script's positional text.
//!
//! Always so: a text argument is taken as it stands, every other kind is JSON.

use serde_json::{Map, Value};

use crate::refs::RunStatus;

/// A JSON object.
pub type Object = Map<String, Value>;

/// What JSON an argument takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgumentKind {
    /// A string, or a word out of a list.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// An object.
    Object,
    /// A list.
    Array,
    /// Anything. As positional text: JSON where it parses, else a string.
    Any,
}

impl ArgumentKind {
    /// The word in JSON Schema.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Object => "object",
            Self::Array => "array",
            Self::Any => "any",
        }
    }
}

/// A Rust type that an argument can have.
pub trait ArgumentValue {
    /// What JSON it takes.
    const KIND: ArgumentKind;
    /// The type with `null`: what an argument takes that need not be given.
    type Nullable;
}

macro_rules! argument_values {
    ($($type:ty => $kind:ident),+ $(,)?) => {
        $(impl ArgumentValue for $type {
            const KIND: ArgumentKind = ArgumentKind::$kind;
            type Nullable = Option<Self>;
        })+
    };
}

argument_values! {
    String => Text,
    RunStatus => Text,
    i64 => Integer,
    f64 => Number,
    bool => Boolean,
    Object => Object,
    Value => Any,
}

impl<T> ArgumentValue for Vec<T> {
    const KIND: ArgumentKind = ArgumentKind::Array;
    type Nullable = Option<Self>;
}

impl<T: ArgumentValue> ArgumentValue for Option<T> {
    const KIND: ArgumentKind = T::KIND;
    type Nullable = Self;
}
