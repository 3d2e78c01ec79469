//! A step's arguments, from the positional text of a script, and checked against what the script takes.
//!
//! Always so: what comes out has only names that the script knows, each of the right kind, and every required one.

use millwright_core::catalog::{Argument, ArgumentKind, Object};
use serde_json::Value;

use super::StepError;

/// Reads the positional text of a script. Bash passes a missing argument as empty text and a JSON `null` as the word.
///
/// # Errors
/// Naming the argument and what is wrong with it.
pub(crate) fn from_words(expected: &[Argument], words: &[String]) -> Result<Object, StepError> {
    if words.len() > expected.len() {
        return Err(bad(format!(
            "{} arguments are given, but the step takes {}",
            words.len(),
            expected.len()
        )));
    }
    let given = expected.iter().zip(words);
    let given = given.filter(|(_, word)| !word.is_empty() && *word != "null");
    let given =
        given.map(|(argument, word)| Ok((argument.name.to_owned(), value(*argument, word)?)));
    let read: Result<Object, StepError> = given.collect();
    check(expected, read?)
}

/// The arguments without those that are `null`, which means absent.
///
/// # Errors
/// Naming an argument that is not known, of another kind, or missing.
pub(crate) fn check(expected: &[Argument], mut given: Object) -> Result<Object, StepError> {
    given.retain(|_, value| !value.is_null());
    for (name, value) in &given {
        let argument = known(expected, name)?;
        check_kind(argument, value)?;
    }
    check_required(expected, &given)?;
    Ok(given)
}

/// The name that a mistyped one probably means.
pub(crate) fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = names.map(|name| (strsim::jaro_winkler(word, name), name));
    let best = scored.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(score, _)| *score > 0.8).map(|(_, name)| name)
}

fn value(argument: Argument, word: &str) -> Result<Value, StepError> {
    let text = || Value::String(word.to_owned());
    match argument.kind {
        ArgumentKind::Text => Ok(text()),
        ArgumentKind::Any => Ok(serde_json::from_str(word).unwrap_or_else(|_| text())),
        kind => serde_json::from_str(word).map_err(|_| {
            let problem = format!("{} is not {}", shown(word), wanted(kind));
            StepError::bad_argument(argument.name, problem)
        }),
    }
}

fn known(expected: &[Argument], name: &str) -> Result<Argument, StepError> {
    if let Some(argument) = expected.iter().find(|argument| argument.name == name) {
        return Ok(*argument);
    }
    let names = expected.iter().map(|argument| argument.name);
    let hint = match nearest(name, names.clone()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("it takes {}", names.collect::<Vec<_>>().join(", ")),
    };
    Err(bad(format!(
        "the step has no argument {}; {hint}",
        shown(name)
    )))
}

fn check_kind(argument: Argument, value: &Value) -> Result<(), StepError> {
    let fits = match argument.kind {
        ArgumentKind::Text => value.is_string(),
        ArgumentKind::Integer => value.is_i64(),
        ArgumentKind::Number => value.is_number(),
        ArgumentKind::Boolean => value.is_boolean(),
        ArgumentKind::Object => value.is_object(),
        ArgumentKind::Array => value.is_array(),
        ArgumentKind::Any => true,
    };
    if fits {
        return Ok(());
    }
    // A text may hold a secret that was meant for another argument; a number cannot.
    let found = match value {
        Value::Number(number) => number.to_string(),
        other => kind_of(other).to_owned(),
    };
    Err(StepError::bad_argument(
        argument.name,
        format!("{found} is not {}", wanted(argument.kind)),
    ))
}

fn check_required(expected: &[Argument], object: &Object) -> Result<(), StepError> {
    let missing = expected
        .iter()
        .filter(|one| one.required && !object.contains_key(one.name));
    let names: Vec<&str> = missing.map(|one| one.name).collect();
    match names.as_slice() {
        [] => Ok(()),
        [name] => Err(bad(format!("argument {name} is missing"))),
        names => Err(bad(format!("arguments {} are missing", names.join(", ")))),
    }
}

fn wanted(kind: ArgumentKind) -> &'static str {
    match kind {
        ArgumentKind::Text => "a text",
        ArgumentKind::Integer => "a whole number",
        ArgumentKind::Number => "a number",
        ArgumentKind::Boolean => "true or false",
        ArgumentKind::Object => "a JSON object",
        ArgumentKind::Array => "a JSON list",
        ArgumentKind::Any => "JSON",
    }
}

/// What a value is, in words.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn shown(word: &str) -> String {
    let short: String = word.chars().take(40).collect();
    let more = if short.len() < word.len() { "…" } else { "" };
    format!("{short:?}{more}")
}

/// Arguments that cannot be used.
pub(crate) fn bad(message: String) -> StepError {
    StepError::BadArguments(message)
}
