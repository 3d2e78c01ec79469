//! Answers to questions, as whoever does the work is told of them.
//!
//! Always so: they are short; a long answer is cut, and says so.

use std::fmt::Write;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Clarification;

/// Of a question and of an answer so many bytes are told.
const LONGEST: usize = 2_000;

/// A question to people, and what was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Answer {
    /// The question.
    pub question: String,
    /// What was answered: text as it is, anything else as JSON.
    pub answer: String,
}

impl Answer {
    /// The answer that a question has; none where it has none.
    pub fn of(question: &Clarification) -> Option<Self> {
        let answer = match question.answer.as_ref()? {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some(Self {
            question: cut(&question.question),
            answer: cut(&answer),
        })
    }
}

/// The answers as text for an engine; empty where there are none.
pub fn answers_as_text(answers: &[Answer]) -> String {
    let mut text = String::new();
    for Answer { question, answer } in answers {
        let _ = writeln!(text, "Question: {question}\nAnswer: {answer}\n");
    }
    text
}

fn cut(text: &str) -> String {
    let whole = text.trim();
    let end = whole.floor_char_boundary(LONGEST);
    if end == whole.len() {
        whole.to_owned()
    } else {
        format!("{} [cut]", &whole[..end])
    }
}
