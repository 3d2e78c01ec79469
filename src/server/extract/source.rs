//! The extractors: where the parts of a request come from, and how they become types.
//!
//! Always so: a body counts only when it says that it is JSON, so that a web page cannot send one unasked.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, RwLock};

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use utoipa::openapi::path::ParameterIn;
use utoipa::{IntoParams, ToSchema};

use super::quick;
use super::shape::{Check, Named, Shape};
use crate::server::error::{ApiError, Issue};

/// The request's body, from JSON.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

/// The request's body, from JSON; an empty one counts as `{}`.
#[derive(Debug)]
pub struct OptionalJsonBody<T>(pub T);

/// The address's query.
#[derive(Debug)]
pub struct QueryParams<T>(pub T);

/// What the route names in the address's path.
#[derive(Debug)]
pub struct PathParams<T>(pub T);

impl<T, S> FromRequest<S> for JsonBody<T>
where
    T: DeserializeOwned + ToSchema + 'static,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let says_json = is_json(request.headers());
        let bytes = read_body(request, state).await?;
        if bytes.is_empty() {
            return Err(missing_body());
        }
        if !says_json {
            return Err(not_json());
        }
        parse_body(&bytes).map(Self)
    }
}

impl<T, S> FromRequest<S> for OptionalJsonBody<T>
where
    T: DeserializeOwned + ToSchema + 'static,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let says_json = is_json(request.headers());
        let bytes = read_body(request, state).await?;
        match bytes.as_ref() {
            b"" => parse_body(b"{}").map(Self),
            _ if !says_json => Err(not_json()),
            bytes => parse_body(bytes).map(Self),
        }
    }
}

impl<T, S> FromRequestParts<S> for QueryParams<T>
where
    T: DeserializeOwned + IntoParams + 'static,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        parse_pairs::<T>("query", || ParameterIn::Query, pairs).map(Self)
    }
}

impl<T, S> FromRequestParts<S> for PathParams<T>
where
    T: DeserializeOwned + IntoParams + 'static,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::not_found("Not Found"))?;
        parse_pairs::<T>("path", || ParameterIn::Path, &params).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map_or("", str::trim);
    media_type.eq_ignore_ascii_case("application/json")
        || media_type.to_ascii_lowercase().ends_with("+json")
}

fn not_json() -> ApiError {
    ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "send the body as JSON, with the header `content-type: application/json`",
    )
}

async fn read_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "the body is too large: store a reference instead of the content",
            ),
            status => ApiError::new(status, "the body could not be read"),
        })
}

fn missing_body() -> ApiError {
    ApiError::Invalid(vec![Issue {
        kind: "missing",
        loc: vec!["body".into()],
        msg: "Field required".to_owned(),
        input: Value::Null,
        ctx: None,
    }])
}

/// A body that is right is not built twice; one that is not is checked place by place.
fn parse_body<T: DeserializeOwned + ToSchema + 'static>(bytes: &[u8]) -> Result<T, ApiError> {
    let shape = shape_of::<T>("body", body_shape::<T>);
    if quick::passes(&shape, bytes)
        && let Ok(body) = serde_json::from_slice(bytes)
    {
        return Ok(body);
    }
    let value = serde_json::from_slice(bytes).map_err(|error| bad_json(bytes, &error))?;
    parse_value("body", &shape, value)
}

fn parse_pairs<'a, T: DeserializeOwned + IntoParams + 'static>(
    root: &'static str,
    place: impl Fn() -> ParameterIn + Copy,
    pairs: impl IntoIterator<Item = (impl Into<String> + 'a, impl Into<String> + 'a)>,
) -> Result<T, ApiError> {
    let shape = shape_of::<T>(root, || {
        Shape::of_parameters(&T::into_params(|| Some(place())))
    });
    let values: Map<String, Value> = pairs
        .into_iter()
        .map(|(name, value)| (name.into(), Value::String(value.into())))
        .collect();
    parse_value(root, &shape, Value::Object(values))
}

fn parse_value<T: DeserializeOwned>(
    root: &'static str,
    shape: &Shape,
    mut value: Value,
) -> Result<T, ApiError> {
    let mut check = Check::of(root);
    shape.check(&mut value, &mut check);
    if !check.issues.is_empty() {
        return Err(ApiError::Invalid(check.issues));
    }
    serde_path_to_error::deserialize(&value).map_err(|error| refused(root, &value, &error))
}

/// What the schema allows and the type does not, such as a run id with a slash.
fn refused(
    root: &'static str,
    value: &Value,
    error: &serde_path_to_error::Error<serde_json::Error>,
) -> ApiError {
    use serde_path_to_error::Segment;
    let mut loc = vec![Value::from(root)];
    let mut input = value;
    for segment in error.path() {
        match segment {
            Segment::Seq { index } => {
                input = &input[*index];
                loc.push((*index).into());
            }
            Segment::Map { key } => {
                input = &input[key.as_str()];
                loc.push(key.as_str().into());
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    ApiError::Invalid(vec![Issue {
        kind: "value_error",
        loc,
        msg: error.inner().to_string(),
        input: input.clone(),
        ctx: None,
    }])
}

fn bad_json(bytes: &[u8], error: &serde_json::Error) -> ApiError {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let before: usize = lines
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or_default();
    let reason = match reason {
        "EOF while parsing a value" | "expected value" => "Expecting value",
        other => other,
    };
    ApiError::Invalid(vec![Issue {
        kind: "json_invalid",
        loc: vec!["body".into(), (before + error.column()).into()],
        msg: "JSON decode error".to_owned(),
        input: json!({}),
        ctx: Some(json!({ "error": reason })),
    }])
}

/// The shape that a type's schema describes.
pub(super) fn body_shape<T: ToSchema>() -> Shape {
    let mut named = Vec::new();
    T::schemas(&mut named);
    let named: Named = named.into_iter().collect();
    Shape::of(&T::schema(), &named)
}

type Shapes = RwLock<HashMap<(TypeId, &'static str), Arc<Shape>>>;

/// Each type's shape is made once.
fn shape_of<T: 'static>(root: &'static str, make: impl FnOnce() -> Shape) -> Arc<Shape> {
    static SHAPES: LazyLock<Shapes> = LazyLock::new(RwLock::default);
    let key = (TypeId::of::<T>(), root);
    let known = SHAPES.read().expect(NO_PANIC).get(&key).cloned();
    known.unwrap_or_else(|| {
        let shape = Arc::new(make());
        let mut shapes = SHAPES.write().expect(NO_PANIC);
        Arc::clone(shapes.entry(key).or_insert(shape))
    })
}

const NO_PANIC: &str = "nothing panics while it holds the shapes";
