//! What a forge answers: a request, a list of them, or what is wrong.
//!
//! Always so: what a forge says of an error is one line of bounded length, and a page of HTML is not shown.

use serde_json::Value;

use super::forge::Kind;
use super::opened::Found;

/// So much of what a forge says is shown.
const LONGEST_DETAIL: usize = 500;
/// So long may the address of a request be.
const LONGEST_URL: usize = 2000;

/// What a status means for whoever opens a request.
pub(super) enum Answered {
    Well,
    Unauthorised,
    Forbidden,
    Elsewhere,
    Otherwise,
}

impl Answered {
    pub(super) fn of(status: u16) -> Self {
        match status {
            200..=299 => Self::Well,
            300..=399 => Self::Elsewhere,
            401 => Self::Unauthorised,
            403 | 404 => Self::Forbidden,
            _ => Self::Otherwise,
        }
    }
}

/// The first of a list of requests, which were open before.
///
/// # Errors
/// What is not understood of it.
pub(super) fn list(kind: Kind, answer: &Value) -> Result<Option<Found>, String> {
    let entries = answer.as_array().ok_or("its answer is no list")?;
    let first = entries
        .first()
        .map(|entry| found(kind, entry))
        .transpose()?;
    Ok(first.map(|found| Found {
        was_open: true,
        ..found
    }))
}

/// A request that was just opened.
///
/// # Errors
/// What is not understood of it.
pub(super) fn found(kind: Kind, answer: &Value) -> Result<Found, String> {
    let (number, url) = match kind {
        Kind::GitHub => ("number", "html_url"),
        Kind::GitLab => ("iid", "web_url"),
    };
    let missing = |key: &str| format!("its answer has no {key}");
    let is_address = |text: &&str| {
        let http = text.starts_with("https://") || text.starts_with("http://");
        http && text.len() <= LONGEST_URL && text.chars().all(|c| c.is_ascii_graphic())
    };
    let address = answer.get(url).and_then(Value::as_str).filter(is_address);
    Ok(Found {
        number: answer
            .get(number)
            .and_then(Value::as_i64)
            .ok_or_else(|| missing(number))?,
        url: address.ok_or_else(|| missing(url))?.to_owned(),
        was_open: false,
    })
}

/// What is wrong, as the forge says it: its `message` or `error`, and its `errors`.
pub(super) fn detail(body: &str) -> String {
    let Ok(value) = serde_json::from_str::<Value>(body) else {
        return "its answer is no JSON".to_owned();
    };
    let told = ["message", "error"].iter().find_map(|key| value.get(*key));
    let more = value.get("errors").and_then(Value::as_array);
    let more = more.into_iter().flatten().map(|error| {
        let message = error.get("message").unwrap_or(error);
        words(message)
    });
    let parts: Vec<String> = told.map(words).into_iter().chain(more).collect();
    let line = parts.join("; ");
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = line.floor_char_boundary(LONGEST_DETAIL);
    match &line[..end] {
        "" => "no reason given".to_owned(),
        all if end == line.len() => all.to_owned(),
        beginning => format!("{beginning}…"),
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_told_in_one_short_line() {
        let github = r#"{"message":"Validation Failed","errors":[{"message":"No commits between a\nand b"},{"code":"invalid"}]}"#;
        for (body, said) in [
            (
                github,
                "Validation Failed; No commits between a and b; {\"code\":\"invalid\"}",
            ),
            (r#"{"message":["is taken","too"]}"#, "is taken, too"),
            (r#"{"error":"insufficient_scope"}"#, "insufficient_scope"),
            ("<html>no</html>", "its answer is no JSON"),
            ("{}", "no reason given"),
            ("", "its answer is no JSON"),
        ] {
            assert_eq!(detail(body), said);
        }
        let long = json!({"message": "ä".repeat(900)}).to_string();
        assert!(detail(&long).len() <= LONGEST_DETAIL + 4);
    }

    #[test]
    fn an_answer_without_a_number_or_with_another_address_is_none() {
        let (kind, answer) = (
            Kind::GitHub,
            json!({"number": 7, "html_url": "https://x/7"}),
        );
        assert_eq!(found(kind, &answer).unwrap().number, 7);
        for bad in [
            json!({"number": 7, "html_url": "javascript:x"}),
            json!({"html_url": "https://x/7"}),
            json!([]),
            json!(null),
        ] {
            assert!(found(kind, &bad).is_err(), "{bad}");
            assert!(list(kind, &json!([bad])).is_err());
        }
        assert_eq!(list(kind, &json!([])), Ok(None));
        assert!(list(kind, &json!({"a": 1})).is_err());
    }
}
