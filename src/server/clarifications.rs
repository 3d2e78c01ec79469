//! `/clarifications`: questions to people, and their answers.
//!
//! Always so: an open question that blocks holds back what it is about; its answer lets that go on.

use axum::Json;
use axum::extract::State;
use millwright_core::protocol::{Clarification, ClarificationStatus, Phase};
use serde::Deserialize;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ErrorBody, InvalidBody};
use super::extract::{JsonBody, PathParams, QueryParams};
use super::state::AppState;
use crate::store::protocols::{ClarificationFilter, NewClarification, Scope};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(ask, list_clarifications))
        .routes(routes!(show_clarification))
        .routes(routes!(answer))
}

/// The question that a path names.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
struct QuestionPath {
    /// The question's id.
    clarification_id: i64,
}

/// Which questions.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct QuestionQuery {
    /// Those of a project, its protocols and steps.
    project_id: Option<i64>,
    /// Those of a protocol run and its steps, and those of its project.
    protocol_run_id: Option<i64>,
    /// Those of a step run.
    step_run_id: Option<i64>,
    /// Those that stand so.
    #[param(inline)]
    status: Option<ClarificationStatus>,
    /// Those that work waits for, or those that it does not wait for.
    blocking: Option<bool>,
    /// Those after the one with this id.
    after: Option<i64>,
    /// At most so many; 100 when absent.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// A question that is to be asked, of one project, protocol run or step run.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct QuestionBody {
    /// The project that it is asked of.
    project_id: Option<i64>,
    /// The protocol run that it is asked of.
    protocol_run_id: Option<i64>,
    /// The step run that it is asked of.
    step_run_id: Option<i64>,
    /// Names it there: the same key asks the same question.
    #[schema(min_length = 1, max_length = 200)]
    key: String,
    /// The question.
    #[schema(min_length = 1, max_length = 10000)]
    question: String,
    /// What it is about; everything there when absent.
    applies_to: Option<Phase>,
    /// Whether work waits for the answer.
    #[serde(default)]
    blocking: bool,
    /// The answer that is recommended.
    recommended: Option<Value>,
    /// The answers to choose from.
    options: Option<Vec<Value>>,
}

/// An answer.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct AnswerBody {
    /// The answer.
    answer: Value,
    /// Who answers.
    #[schema(min_length = 1, max_length = 200)]
    answered_by: Option<String>,
}

impl QuestionBody {
    fn checked(self) -> Result<NewClarification, ApiError> {
        let scope = match (self.project_id, self.protocol_run_id, self.step_run_id) {
            (Some(id), None, None) => Scope::Project(id),
            (None, Some(id), None) => Scope::Protocol(id),
            (None, None, Some(id)) => Scope::Step(id),
            _ => {
                let msg =
                    "a question is asked of one: give project_id, protocol_run_id or step_run_id";
                return Err(ApiError::invalid_field("step_run_id", msg, Value::Null));
            }
        };
        refuse_zeros("key", &self.key)?;
        refuse_zeros("question", &self.question)?;
        let told = self.recommended.iter().map(|value| ("recommended", value));
        let options = self.options.iter().flatten();
        for (field, value) in told.chain(options.map(|value| ("options", value))) {
            refuse_zeros_in(field, value)?;
        }
        Ok(NewClarification {
            scope,
            key: self.key,
            question: self.question,
            applies_to: self.applies_to,
            blocking: self.blocking,
            recommended: self.recommended,
            options: self.options.map(Value::Array),
        })
    }
}

/// Questions and answers are handed to programs as variables, which hold no zero byte.
fn refuse_zeros(field: &str, text: &str) -> Result<(), ApiError> {
    if text.contains('\0') {
        let msg = "it holds a zero byte, which no program can be told: leave it out";
        return Err(ApiError::invalid_field(field, msg, text));
    }
    Ok(())
}

/// The same of every text and key within a value.
fn refuse_zeros_in(field: &str, value: &Value) -> Result<(), ApiError> {
    match value {
        Value::String(text) => refuse_zeros(field, text),
        Value::Array(values) => values
            .iter()
            .try_for_each(|value| refuse_zeros_in(field, value)),
        Value::Object(fields) => fields.iter().try_for_each(|(key, value)| {
            refuse_zeros(field, key)?;
            refuse_zeros_in(field, value)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// Asks a question.
///
/// A scope has one question of a key: asked again while it is open, it becomes what is sent; once answered, it stays so.
/// One that blocks is a 409 where the protocol has ended: nothing waits for the answer.
#[utoipa::path(post, path = "/clarifications", tag = "protocols", request_body = QuestionBody, responses(
    (status = 200, body = Clarification),
    (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody),
    (status = 422, body = InvalidBody),
))]
async fn ask(
    State(app): State<AppState>,
    JsonBody(body): JsonBody<QuestionBody>,
) -> Result<Json<Clarification>, ApiError> {
    let new = body.checked()?;
    let asked = app.work.about_question(move |tables| tables.ask(&new));
    Ok(Json(asked.await?))
}

/// Questions, oldest first.
#[utoipa::path(get, path = "/clarifications", tag = "protocols", params(QuestionQuery), responses(
    (status = 200, body = Vec<Clarification>),
    (status = 422, body = InvalidBody),
))]
async fn list_clarifications(
    State(app): State<AppState>,
    QueryParams(query): QueryParams<QuestionQuery>,
) -> Result<Json<Vec<Clarification>>, ApiError> {
    let filter = ClarificationFilter {
        project_id: query.project_id,
        protocol_run_id: query.protocol_run_id,
        step_run_id: query.step_run_id,
        status: query.status,
        blocking: query.blocking,
        after: query.after,
        limit: query.limit.unwrap_or(100),
    };
    let protocols = app.work.protocols();
    let found = protocols.read(move |tables| tables.clarifications(&filter));
    Ok(Json(found.await?))
}

/// One question.
#[utoipa::path(get, path = "/clarifications/{clarification_id}", tag = "protocols", params(QuestionPath), responses(
    (status = 200, body = Clarification),
    (status = 404, body = ErrorBody),
))]
async fn show_clarification(
    State(app): State<AppState>,
    PathParams(path): PathParams<QuestionPath>,
) -> Result<Json<Clarification>, ApiError> {
    let protocols = app.work.protocols();
    let found = protocols.read(move |tables| tables.clarification(path.clarification_id));
    Ok(Json(found.await?))
}

/// Answers a question; what waits for nothing else goes on.
///
/// The same answer again changes nothing; another is a 409, since the first counts.
#[utoipa::path(post, path = "/clarifications/{clarification_id}/answer", tag = "protocols", params(QuestionPath),
    request_body = AnswerBody, responses(
    (status = 200, body = Clarification),
    (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody),
    (status = 422, body = InvalidBody),
))]
async fn answer(
    State(app): State<AppState>,
    PathParams(path): PathParams<QuestionPath>,
    JsonBody(body): JsonBody<AnswerBody>,
) -> Result<Json<Clarification>, ApiError> {
    refuse_zeros_in("answer", &body.answer)?;
    refuse_zeros(
        "answered_by",
        body.answered_by.as_deref().unwrap_or_default(),
    )?;
    let id = path.clarification_id;
    let by = body.answered_by;
    let answered = app
        .work
        .about_question(move |tables| tables.answer(id, &body.answer, by.as_deref()));
    Ok(Json(answered.await?))
}
