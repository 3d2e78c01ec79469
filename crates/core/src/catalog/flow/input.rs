//! A flow's inputs and their schema, which Windmill uses for the form.
//!
//! Always so: a default is in the schema for the form and in the expression for everyone else, because Windmill
//! does not fill it in.

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::catalog::expr::{Code, Use};
use crate::catalog::schema::for_form;
use crate::catalog::{Expr, IntoExpr};

/// The schema of a flow's inputs.
#[derive(Debug, Default)]
pub(super) struct InputSchema {
    properties: Map<String, Value>,
    required: Vec<String>,
}

/// An input that is being declared.
#[derive(Debug)]
#[must_use = "say what the input is like, such as `.required()`"]
pub struct Input<'a, T> {
    schema: &'a mut InputSchema,
    name: String,
    property: Map<String, Value>,
    marker: PhantomData<fn() -> T>,
}

impl InputSchema {
    pub(super) fn into_schema(self) -> Value {
        let order: Vec<_> = self.properties.keys().cloned().collect();
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "order": order,
            "properties": self.properties,
            "required": self.required,
        })
    }
}

impl<'a, T: JsonSchema> Input<'a, T> {
    pub(super) fn new(schema: &'a mut InputSchema, name: &str, description: &str) -> Self {
        let mut property = for_form::<T>();
        property.insert("description".to_owned(), description.into());
        Self {
            schema,
            name: name.to_owned(),
            property,
            marker: PhantomData,
        }
    }

    /// It must be given.
    pub fn required(self) -> Expr<T> {
        self.schema.required.push(self.name.clone());
        self.declare()
    }

    /// It may be left out, and is then null.
    pub fn optional(self) -> Expr<Option<T>> {
        self.declare()
    }

    /// It may be left out. The form shows this value, which counts as left out: `0`, `false`, or an empty text.
    pub fn blank(mut self, shown: T) -> Expr<Option<T>>
    where
        T: Serialize,
    {
        self.show(&shown);
        self.declare::<Option<T>>().unless_empty()
    }

    /// It may be left out, and is then this value.
    pub fn default(mut self, value: impl IntoExpr<T>) -> Expr<T> {
        let value = value.into_expr();
        if let crate::openflow::Transform::Static(shown) = value.code().transform() {
            self.property.insert("default".to_owned(), shown);
        }
        self.declare::<Option<T>>().or(value)
    }

    fn show(&mut self, value: &impl Serialize) {
        let shown = serde_json::to_value(value).unwrap_or_default();
        self.property.insert("default".to_owned(), shown);
    }

    fn declare<U>(self) -> Expr<U> {
        let path = format!("flow_input.{}", self.name);
        let code = Code::path(&path, Use::Input(self.name.clone()));
        let property = Value::Object(self.property);
        self.schema.properties.insert(self.name, property);
        Expr::of_code(code)
    }
}
