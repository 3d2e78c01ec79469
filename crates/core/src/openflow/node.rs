//! How OpenFlow's types are read from JSON and written back: a walk that knows where it is.
//!
//! Always so: an error names the place as a JSON pointer, what is there and what should be.

use std::fmt;

use indexmap::IndexMap;
use serde_json::{Map, Value};

/// Why a document is no flow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}", place = if path.is_empty() { "the flow" } else { path })]
pub struct OpenFlowError {
    /// Where, as a JSON pointer such as `/value/modules/0/id`; empty for the whole document.
    pub path: String,
    /// What is wrong there.
    pub reason: String,
}

/// Where in the document the walk is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    Root,
    Key(&'a Self, &'a str),
    Index(&'a Self, usize),
}

impl Place<'_> {
    pub(super) fn error(&self, reason: impl fmt::Display) -> OpenFlowError {
        OpenFlowError {
            path: self.to_string(),
            reason: reason.to_string(),
        }
    }

    pub(super) fn expected(&self, what: &str, found: &Value) -> OpenFlowError {
        self.error(format_args!("expected {what}, found {}", kind_of(found)))
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(parent, key) => {
                write!(f, "{parent}/{}", key.replace('~', "~0").replace('/', "~1"))
            }
            Self::Index(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

/// A part of a flow: read from JSON, written as JSON.
pub(super) trait Node: Sized {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, OpenFlowError>;

    /// What stands for a field that is absent.
    fn absent(place: &Place<'_>) -> Result<Self, OpenFlowError> {
        Err(place.error("is missing"))
    }

    /// `None` where the field is not written at all.
    fn write(&self) -> Option<Value>;
}

/// Takes a field out of an object. What remains in the object at the end is what nobody knows.
pub(super) fn take<T: Node>(
    object: &mut Map<String, Value>,
    name: &str,
    place: &Place<'_>,
) -> Result<T, OpenFlowError> {
    let place = Place::Key(place, name);
    match object.shift_remove(name) {
        None => T::absent(&place),
        Some(value) => T::read(value, &place),
    }
}

pub(super) fn object_of(
    value: Value,
    place: &Place<'_>,
) -> Result<Map<String, Value>, OpenFlowError> {
    match value {
        Value::Object(object) => Ok(object),
        other => Err(place.expected("an object", &other)),
    }
}

fn kind_of(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => format!("the boolean {value}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

impl<T: Node> Node for Option<T> {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, OpenFlowError> {
        match value {
            Value::Null => Ok(None),
            value => T::read(value, place).map(Some),
        }
    }

    fn absent(_: &Place<'_>) -> Result<Self, OpenFlowError> {
        Ok(None)
    }

    fn write(&self) -> Option<Value> {
        self.as_ref().and_then(T::write)
    }
}

impl<T: Node> Node for Box<T> {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, OpenFlowError> {
        T::read(value, place).map(Self::new)
    }

    fn write(&self) -> Option<Value> {
        (**self).write()
    }
}

impl<T: Node> Node for Vec<T> {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, OpenFlowError> {
        let Value::Array(items) = value else {
            return Err(place.expected("an array", &value));
        };
        items
            .into_iter()
            .enumerate()
            .map(|(index, item)| T::read(item, &Place::Index(place, index)))
            .collect()
    }

    fn write(&self) -> Option<Value> {
        Some(self.iter().filter_map(T::write).collect())
    }
}

/// A map such as `input_transforms`: absent means empty, as in Windmill.
impl<T: Node> Node for IndexMap<String, T> {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, OpenFlowError> {
        object_of(value, place)?
            .into_iter()
            .map(|(key, value)| {
                let read = T::read(value, &Place::Key(place, &key))?;
                Ok((key, read))
            })
            .collect()
    }

    fn absent(_: &Place<'_>) -> Result<Self, OpenFlowError> {
        Ok(Self::new())
    }

    fn write(&self) -> Option<Value> {
        let fields = self.iter();
        let fields = fields.filter_map(|(key, value)| Some((key.clone(), value.write()?)));
        Some(Value::Object(fields.collect()))
    }
}

impl Node for String {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, OpenFlowError> {
        match value {
            Value::String(text) => Ok(text),
            other => Err(place.expected("a string", &other)),
        }
    }

    fn write(&self) -> Option<Value> {
        Some(Value::String(self.clone()))
    }
}

impl Node for bool {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, OpenFlowError> {
        value
            .as_bool()
            .ok_or_else(|| place.expected("a boolean", &value))
    }

    fn write(&self) -> Option<Value> {
        Some(Value::Bool(*self))
    }
}

impl Node for u64 {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, OpenFlowError> {
        value
            .as_u64()
            .ok_or_else(|| place.expected("a whole number, zero or more", &value))
    }

    fn write(&self) -> Option<Value> {
        Some(Value::from(*self))
    }
}

impl Node for Value {
    fn read(value: Value, _: &Place<'_>) -> Result<Self, OpenFlowError> {
        Ok(value)
    }

    fn write(&self) -> Option<Value> {
        Some(self.clone())
    }
}

/// Makes a type of OpenFlow out of its list of fields. A field that is no `Option` is required.
macro_rules! node {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $( $(#[$field_meta:meta])* $field:ident: $type:ty, )*
        }
    ) => {
        $(#[$meta])*
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $type, )*
            /// The fields that this type does not know, as they were written.
            pub other: serde_json::Map<String, serde_json::Value>,
        }

        impl $crate::openflow::node::Node for $name {
            fn read(
                value: serde_json::Value,
                place: &$crate::openflow::node::Place<'_>,
            ) -> Result<Self, $crate::openflow::OpenFlowError> {
                let mut object = $crate::openflow::node::object_of(value, place)?;
                Ok(Self {
                    $( $field: $crate::openflow::node::take(&mut object, stringify!($field), place)?, )*
                    other: object,
                })
            }

            fn write(&self) -> Option<serde_json::Value> {
                let mut object = serde_json::Map::new();
                $( if let Some(value) = $crate::openflow::node::Node::write(&self.$field) {
                    object.insert(stringify!($field).to_owned(), value);
                } )*
                object.extend(self.other.clone());
                Some(serde_json::Value::Object(object))
            }
        }
    };
}

pub(super) use node;
