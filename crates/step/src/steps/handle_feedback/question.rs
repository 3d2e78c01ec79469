//! A question to a person about what failed.
//!
//! Always so: a step has one such question open at a time, and asking again gives that one.

use millwright_core::catalog::Object;
use millwright_core::catalog::scripts::handle_feedback::{NextAction, Output};
use millwright_core::protocol::{Clarification, ClarificationStatus, Phase};
use serde_json::Value;

use super::{StepError, next};
use crate::client::{Asked, Client, Question};
use crate::host::Host;

/// What a person may have done before the answer; each lets the work be tried again.
const OPTIONS: [&str; 4] = [
    "try again as it is",
    "the project was mended by hand: try again",
    "the spec or the prompt was changed: try again",
    "the worker was mended (tools, credentials, network): try again",
];
/// What is done instead of answering.
const OTHERWISE: &str = "The answer lets it be tried again; approve or skip the step to go on without it, or cancel the \
    protocol.";
/// So much of what is known is part of the question.
const LONGEST_FACT: usize = 1000;
/// The keys of a context that say what went wrong, in the words of those who report.
const FACTS: [&str; 4] = ["blocking_failures", "error", "qa_failures", "message"];

/// Asks about what went wrong; the question that is open already, where there is one.
pub(super) async fn ask<H: Host>(
    client: &Client<'_, H>,
    of: Asked,
    what: &str,
    context: &Object,
) -> Result<Output, StepError> {
    let known = client.questions(of, None).await?;
    let asked = known.iter().find(|known| is_ours_and_open(known, of));
    let question = if let Some(asked) = asked {
        asked.clone()
    } else {
        let nth = known.iter().filter(|known| is_ours(known, of)).count() + 1;
        let question = Question {
            of,
            key: format!("feedback-{nth}"),
            question: text(what, context),
            applies_to: Phase::Execution,
            options: OPTIONS.map(str::to_owned).into(),
        };
        client.ask(&question).await?
    };
    let id = question.id;
    let message =
        format!("question {id} waits for an answer: `millwright protocol answer` gives it");
    Ok(Output {
        updated_context: Object::from_iter([("clarification_id".to_owned(), id.into())]),
        options: texts(question.options.as_ref()),
        question: Some(question.question),
        ..next(NextAction::AwaitUserInput, &message)
    })
}

/// Whether a step waits for an answer already.
pub(super) async fn is_open<H: Host>(client: &Client<'_, H>, step: i64) -> Result<bool, StepError> {
    let of = Asked::StepRunId(step);
    let open = client
        .questions(of, Some(ClarificationStatus::Open))
        .await?;
    Ok(open.iter().any(|question| question.blocking))
}

/// Of the questions of a protocol, those of its steps and its project are others'.
fn is_ours(question: &Clarification, of: Asked) -> bool {
    match of {
        Asked::StepRunId(id) => question.step_run_id == Some(id),
        Asked::ProtocolRunId(id) => {
            question.step_run_id.is_none() && question.protocol_run_id == Some(id)
        }
    }
}

fn is_ours_and_open(question: &Clarification, of: Asked) -> bool {
    is_ours(question, of) && question.blocking && question.status == ClarificationStatus::Open
}

fn text(what: &str, context: &Object) -> String {
    let facts = FACTS.iter().filter_map(|key| fact(context.get(*key)?));
    let facts: Vec<String> = std::iter::once(bounded(what)).chain(facts).collect();
    format!("{}. What is to be done? {OTHERWISE}", facts.join("; "))
}

fn fact(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        Value::Array(_) => texts(Some(value)).join(", "),
        other => other.to_string(),
    };
    Some(bounded(text.trim())).filter(|text| !text.is_empty())
}

fn bounded(text: &str) -> String {
    let end = text.floor_char_boundary(LONGEST_FACT);
    let more = if end < text.len() { "…" } else { "" };
    format!("{}{more}", text[..end].trim_end_matches('.'))
}

/// The entries of a list, as people read them.
fn texts(list: Option<&Value>) -> Vec<String> {
    let entries = list.and_then(Value::as_array).into_iter().flatten();
    let shown = |entry: &Value| {
        entry
            .as_str()
            .map_or_else(|| entry.to_string(), str::to_owned)
    };
    entries.map(shown).collect()
}
