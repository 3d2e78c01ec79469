//! What a value must look like, read from its `OpenAPI` schema, and the check against it.
//!
//! Always so: a field that the schema does not name passes; a text that spells a number or a truth value where one is
//! wanted becomes it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Required, Schema};

use crate::server::error::Issue;

/// The schemas that a `$ref` may name.
pub(super) type Named = BTreeMap<String, RefOr<Schema>>;

/// What one value must look like.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) nullable: bool,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Any,
    Boolean,
    Integer(Bounds),
    Number(Bounds),
    Text { shortest: u64, longest: u64 },
    Choice(Vec<String>),
    List(Box<Shape>),
    Object(Vec<Field>),
}

#[derive(Debug)]
pub(super) struct Bounds {
    least: Option<i64>,
    most: Option<i64>,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) required: bool,
    pub(super) shape: Shape,
}

impl Bounds {
    pub(super) fn hold(&self, number: i64) -> bool {
        self.least.is_none_or(|least| least <= number)
            && self.most.is_none_or(|most| number <= most)
    }
}

/// Collects what is wrong, and where the check stands.
pub(super) struct Check {
    place: Vec<Value>,
    pub(super) issues: Vec<Issue>,
}

impl Check {
    /// A check of the part of a request that is called `root`.
    pub(super) fn of(root: &'static str) -> Self {
        Self {
            place: vec![root.into()],
            issues: Vec::new(),
        }
    }

    fn at<T>(&mut self, step: impl Into<Value>, inner: impl FnOnce(&mut Self) -> T) -> T {
        self.place.push(step.into());
        let outcome = inner(self);
        self.place.pop();
        outcome
    }

    fn issue(&mut self, kind: &'static str, msg: impl Into<String>, input: &Value) {
        self.issue_with(kind, msg, input, None);
    }

    fn issue_with(
        &mut self,
        kind: &'static str,
        msg: impl Into<String>,
        input: &Value,
        ctx: Option<Value>,
    ) {
        self.issues.push(Issue {
            kind,
            loc: self.place.clone(),
            msg: msg.into(),
            input: input.clone(),
            ctx,
        });
    }
}

impl Shape {
    /// The shape that a schema describes.
    pub(super) fn of(schema: &RefOr<Schema>, named: &Named) -> Self {
        let text = serde_json::to_value(schema).unwrap_or_default();
        Self::of_json(&text, named)
    }

    /// An object's shape, from a request's parameters.
    pub(super) fn of_parameters(parameters: &[utoipa::openapi::path::Parameter]) -> Self {
        let fields = parameters.iter().map(|parameter| Field {
            name: parameter.name.clone(),
            required: matches!(parameter.required, Required::True),
            shape: parameter
                .schema
                .as_ref()
                .map_or(Self::any(), |schema| Self::of(schema, &Named::new())),
        });
        Self {
            nullable: false,
            kind: Kind::Object(fields.collect()),
        }
    }

    /// Checks a value and notes what is wrong; what is only spelt differently is put right.
    pub(super) fn check(&self, value: &mut Value, check: &mut Check) {
        if value.is_null() && self.nullable {
            return;
        }
        match &self.kind {
            Kind::Any => {}
            Kind::Boolean => boolean(value, check),
            Kind::Integer(bounds) => integer(value, bounds, check),
            Kind::Number(bounds) => number(value, bounds, check),
            Kind::Text { shortest, longest } => text(value, *shortest, *longest, check),
            Kind::Choice(words) => choice(value, words, check),
            Kind::List(item) => list(value, item, check),
            Kind::Object(fields) => object(value, fields, check),
        }
    }

    fn any() -> Self {
        Self {
            nullable: true,
            kind: Kind::Any,
        }
    }

    fn of_json(schema: &Value, named: &Named) -> Self {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap_or_default();
            return named
                .get(name)
                .map_or(Self::any(), |schema| Self::of(schema, named));
        }
        if let Some(alternatives) = schema["oneOf"].as_array() {
            return Self::of_alternatives(alternatives, named);
        }
        let (types, nullable) = types_of(&schema["type"]);
        let kind = match types.as_slice() {
            [one] => Kind::of(one, schema, named),
            _ => Kind::Any,
        };
        Self {
            nullable: nullable || matches!(kind, Kind::Any),
            kind,
        }
    }

    fn of_alternatives(alternatives: &[Value], named: &Named) -> Self {
        let is_null = |schema: &&Value| schema["type"] == "null";
        let others: Vec<&Value> = alternatives
            .iter()
            .filter(|schema| !is_null(schema))
            .collect();
        let [one] = others.as_slice() else {
            return Self::any();
        };
        let inner = Self::of_json(one, named);
        Self {
            nullable: inner.nullable || others.len() < alternatives.len(),
            kind: inner.kind,
        }
    }
}

impl Kind {
    fn of(name: &str, schema: &Value, named: &Named) -> Self {
        let bounds = || Bounds {
            least: schema["minimum"].as_i64(),
            most: schema["maximum"].as_i64(),
        };
        match name {
            "boolean" => Self::Boolean,
            "integer" => Self::Integer(bounds()),
            "number" => Self::Number(bounds()),
            "string" => schema["enum"].as_array().map_or_else(
                || Self::Text {
                    shortest: schema["minLength"].as_u64().unwrap_or(0),
                    longest: schema["maxLength"].as_u64().unwrap_or(u64::MAX),
                },
                |words| Self::Choice(words.iter().map(as_text).collect()),
            ),
            "array" => Self::List(Box::new(Shape::of_json(&schema["items"], named))),
            "object" => Self::Object(fields_of(schema, named)),
            _ => Self::Any,
        }
    }
}

fn types_of(kind: &Value) -> (Vec<&str>, bool) {
    let all: Vec<&str> = match kind {
        Value::String(one) => vec![one],
        Value::Array(some) => some.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let nullable = all.contains(&"null");
    (
        all.into_iter().filter(|name| *name != "null").collect(),
        nullable,
    )
}

fn fields_of(schema: &Value, named: &Named) -> Vec<Field> {
    let no_fields = Map::new();
    let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
    schema["properties"]
        .as_object()
        .unwrap_or(&no_fields)
        .iter()
        .map(|(name, schema)| Field {
            name: name.clone(),
            required: required.iter().any(|required| required == name),
            shape: Shape::of_json(schema, named),
        })
        .collect()
}

fn as_text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn boolean(value: &mut Value, check: &mut Check) {
    let spelt = match value.as_str().map(str::to_ascii_lowercase).as_deref() {
        Some("true" | "1" | "yes" | "on") => Some(true),
        Some("false" | "0" | "no" | "off") => Some(false),
        _ => None,
    };
    match (&*value, spelt) {
        (Value::Bool(_), _) => {}
        (_, Some(truth)) => *value = truth.into(),
        (Value::String(_), None) => check.issue(
            "bool_parsing",
            "Input should be a valid boolean, unable to interpret input",
            value,
        ),
        _ => check.issue("bool_type", "Input should be a valid boolean", value),
    }
}

fn integer(value: &mut Value, bounds: &Bounds, check: &mut Check) {
    let sent = value.clone();
    if let Some(spelt) = value.as_str() {
        match spelt.trim().parse::<i64>() {
            Ok(number) => *value = number.into(),
            Err(_) => {
                return check.issue(
                    "int_parsing",
                    "Input should be a valid integer, unable to parse string as an integer",
                    value,
                );
            }
        }
    }
    match value.as_i64() {
        Some(number) => within(number, bounds, &sent, check),
        None if value.is_number() => check.issue(
            "int_from_float",
            "Input should be a valid integer, got a number with a fractional part or out of range",
            value,
        ),
        None => check.issue("int_type", "Input should be a valid integer", value),
    }
}

fn number(value: &mut Value, bounds: &Bounds, check: &mut Check) {
    let sent = value.clone();
    if let Some(number) = value
        .as_str()
        .and_then(|spelt| spelt.trim().parse::<f64>().ok())
    {
        *value = number.into();
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounds are whole numbers")]
    match value.as_f64() {
        Some(number) => within(number.floor() as i64, bounds, &sent, check),
        None => check.issue("float_type", "Input should be a valid number", value),
    }
}

fn within(number: i64, bounds: &Bounds, sent: &Value, check: &mut Check) {
    if let Some(least) = bounds.least.filter(|least| number < *least) {
        check.issue_with(
            "greater_than_equal",
            format!("Input should be greater than or equal to {least}"),
            sent,
            Some(json!({ "ge": least })),
        );
    }
    if let Some(most) = bounds.most.filter(|most| number > *most) {
        check.issue_with(
            "less_than_equal",
            format!("Input should be less than or equal to {most}"),
            sent,
            Some(json!({ "le": most })),
        );
    }
}

fn text(value: &Value, shortest: u64, longest: u64, check: &mut Check) {
    let Some(text) = value.as_str() else {
        return check.issue("string_type", "Input should be a valid string", value);
    };
    let length = text.chars().count() as u64;
    if length < shortest {
        check.issue_with(
            "string_too_short",
            format!("String should have at least {shortest} characters"),
            value,
            Some(json!({ "min_length": shortest })),
        );
    }
    if length > longest {
        check.issue_with(
            "string_too_long",
            format!("String should have at most {longest} characters"),
            value,
            Some(json!({ "max_length": longest })),
        );
    }
}

fn choice(value: &Value, words: &[String], check: &mut Check) {
    if value
        .as_str()
        .is_some_and(|word| words.iter().any(|known| known == word))
    {
        return;
    }
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let expected = match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.join(""),
    };
    check.issue_with(
        "enum",
        format!("Input should be {expected}"),
        value,
        Some(json!({ "expected": expected })),
    );
}

fn list(value: &mut Value, item: &Shape, check: &mut Check) {
    let Value::Array(items) = value else {
        return check.issue("list_type", "Input should be a valid list", value);
    };
    for (position, value) in items.iter_mut().enumerate() {
        check.at(position, |check| item.check(value, check));
    }
}

fn object(value: &mut Value, fields: &[Field], check: &mut Check) {
    if !value.is_object() {
        let (kind, msg) = match fields {
            [] => ("dict_type", "Input should be a valid dictionary"),
            _ => (
                "model_attributes_type",
                "Input should be a valid dictionary or object to extract fields from",
            ),
        };
        return check.issue(kind, msg, value);
    }
    for field in fields {
        check.at(field.name.as_str(), |check| {
            match value.get_mut(&field.name) {
                Some(value) => field.shape.check(value, check),
                None if field.required => check.issue("missing", "Field required", value),
                None => {}
            }
        });
    }
}
