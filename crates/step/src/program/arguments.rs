//! Where the executable's arguments come from: JSON in three places, or positional text.
//!
//! Always so: what comes out was checked against the script.

use std::fs;
use std::io::Read;

use millwright_core::catalog::{Argument, Object};
use serde_json::Value;

use super::command_line::Given;
use crate::steps::StepError;
use crate::steps::arguments::{bad, check, from_words, kind_of};

/// Reads and checks the arguments. `null` means absent.
///
/// # Errors
/// Naming the argument and what is wrong with it.
pub(super) fn read(expected: &[Argument], given: Given) -> Result<Object, StepError> {
    match given {
        Given::Json(source) => check(expected, from_json(&source)?),
        Given::Positional(words) => from_words(expected, &words),
    }
}

fn from_json(source: &str) -> Result<Object, StepError> {
    let (place, text) = match (source, source.strip_prefix('@')) {
        ("-", _) => ("stdin".to_owned(), read_stdin()?),
        (_, Some(path)) => (
            path.to_owned(),
            fs::read_to_string(path).map_err(|error| unreadable(path, &error))?,
        ),
        _ => ("--args".to_owned(), source.to_owned()),
    };
    match serde_json::from_str(&text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => Err(bad(format!(
            "{place} holds {}, but takes an object of arguments",
            kind_of(&other)
        ))),
        Err(error) => Err(bad(format!("{place} is not JSON: {error}"))),
    }
}

fn read_stdin() -> Result<String, StepError> {
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text);
    read.map_err(|error| unreadable("stdin", &error))?;
    Ok(text)
}

fn unreadable(place: &str, error: &std::io::Error) -> StepError {
    bad(format!("the arguments in {place} cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use millwright_core::catalog::ArgumentKind;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const fn argument(name: &'static str, kind: ArgumentKind, required: bool) -> Argument {
        Argument {
            about: &[],
            name,
            kind,
            required,
        }
    }

    const EXPECTED: &[Argument] = &[
        argument("id", ArgumentKind::Integer, true),
        argument("title", ArgumentKind::Text, true),
        argument("draft", ArgumentKind::Boolean, false),
        argument("params", ArgumentKind::Object, false),
        argument("gates", ArgumentKind::Array, false),
        argument("error", ArgumentKind::Any, false),
    ];

    fn positional(words: &[&str]) -> Result<Value, String> {
        let words = words.iter().map(|&word| word.to_owned()).collect();
        let read = read(EXPECTED, Given::Positional(words));
        read.map(Value::Object).map_err(|error| error.to_string())
    }

    fn json_text(text: &str) -> Result<Value, String> {
        let read = read(EXPECTED, Given::Json(text.to_owned()));
        read.map(Value::Object).map_err(|error| error.to_string())
    }

    #[test]
    fn text_stays_text_and_the_rest_is_json() {
        assert_eq!(
            positional(&["7", "true", "true", "{\"a\":[1]}", "[\"lint\"]", "oh no"]).unwrap(),
            json!({"id": 7, "title": "true", "draft": true, "params": {"a": [1]}, "gates": ["lint"], "error": "oh no"})
        );
    }

    #[test]
    fn empty_null_and_missing_are_absent() {
        let alone = json!({"id": 7, "title": "t"});
        assert_eq!(positional(&["7", "t", "", "null", ""]).unwrap(), alone);
        assert_eq!(positional(&["7", "t"]).unwrap(), alone);
        assert_eq!(
            json_text(r#"{"id":7,"title":"t","draft":null}"#).unwrap(),
            alone
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let messages: Vec<String> = [
            positional(&["7.5", "t"]),
            positional(&["seven", "t"]),
            positional(&["", "t"]),
            positional(&[]),
            positional(&["7", "t", "yes"]),
            positional(&["7", "t", "", "[1]"]),
            positional(&["1", "2", "3", "4", "5", "6", "7"]),
            json_text("{"),
            json_text("[1]"),
            json_text("@/nowhere/at/all"),
            json_text(r#"{"id":7,"titel":"t"}"#),
            json_text(r#"{"id":7,"zzz":"t"}"#),
            json_text(r#"{"id":"7","title":"t"}"#),
            json_text(r#"{"id":9223372036854775808,"title":"t"}"#),
        ]
        .into_iter()
        .map(|outcome| outcome.unwrap_err())
        .collect();
        insta::assert_snapshot!(messages.join("\n"), @r#"
        argument id: 7.5 is not a whole number
        argument id: "seven" is not a whole number
        argument id is missing
        arguments id, title are missing
        argument draft: "yes" is not true or false
        argument params: a list is not a JSON object
        7 arguments are given, but the step takes 6
        --args is not JSON: EOF while parsing an object at line 1 column 1
        --args holds a list, but takes an object of arguments
        the arguments in /nowhere/at/all cannot be read: No such file or directory (os error 2)
        the step has no argument "titel"; did you mean title?
        the step has no argument "zzz"; it takes id, title, draft, params, gates, error
        argument id: a text is not a whole number
        argument id: 9223372036854775808 is not a whole number
        "#);
    }

    proptest! {
        #[test]
        fn json_arguments_survive_the_way_through_bash(id: i64, title in "[^\\x00]{1,40}", draft: bool) {
            prop_assume!(title != "null");
            let words = [id.to_string(), title.clone(), draft.to_string()];
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            prop_assert_eq!(positional(&words).unwrap(), json!({"id": id, "title": title, "draft": draft}));
        }

        #[test]
        fn no_text_panics(words in prop::collection::vec("\\PC{0,12}", 0..8), text in "\\PC{0,40}") {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let _ = positional(&words);
            let _ = json_text(&text);
        }
    }
}
