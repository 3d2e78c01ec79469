//! Secrets, and what stands for them in all that is stored, shown or logged.
//!
//! Always so: a secret reaches the script that asks for it and later steps that are given it, and is written nowhere.

use std::cmp::Reverse;
use std::sync::Arc;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::Resources;
use super::references::VARIABLE;

/// What stands for a secret inside a text.
const CONCEALED: &str = "***";
/// A line of a secret of several is known by itself from this length on: a shorter one says too little of it.
const SHORTEST_LINE: usize = 8;
/// A shorter secret is known only where it is a value by itself: it would be found in every other word.
const SHORTEST: usize = 4;

/// The secrets of a project.
#[derive(Default)]
pub(in crate::mill) struct Secrets {
    /// Each with the path of its variable.
    known: Vec<(String, String)>,
    /// How they may stand inside a text, the longest first, since one may hold another.
    forms: Vec<String>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

impl Secrets {
    /// Those among a project's variables.
    pub(super) fn of(resources: &Resources) -> Self {
        let known = resources.secrets();
        Self::new(known.map(|(path, secret)| (path.to_owned(), secret.to_owned())))
    }

    /// These, each with the path of its variable.
    pub(in crate::mill) fn new(known: impl Iterator<Item = (String, String)>) -> Self {
        let known: Vec<(String, String)> = known.collect();
        let long = known
            .iter()
            .filter(|(_, secret)| secret.chars().count() >= SHORTEST);
        let texts = long.flat_map(|(_, secret)| texts_of(secret));
        let forms = texts.flat_map(|text| [text.to_owned(), within_json(text)]);
        let mut forms: Vec<String> = forms.collect();
        forms.sort_by_key(|form| Reverse(form.len()));
        forms.dedup();
        Self { known, forms }
    }

    /// Whether there is none.
    pub(in crate::mill) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The value without secrets: a text that is one names its variable, in a longer text stars stand for it.
    pub(in crate::mill) fn conceal(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.concealed(text).into(),
            Value::Array(items) => items.iter().map(|item| self.conceal(item)).collect(),
            Value::Object(fields) => Value::Object(self.conceal_fields(fields)),
            other => other.clone(),
        }
    }

    /// Arguments as they are stored: without secrets.
    pub(in crate::mill) fn stored(&self, args: Arc<Map<String, Value>>) -> Arc<Map<String, Value>> {
        if self.is_empty() {
            args
        } else {
            Arc::new(self.conceal_fields(&args))
        }
    }

    fn conceal_fields(&self, fields: &Map<String, Value>) -> Map<String, Value> {
        let fields = fields.iter();
        fields
            .map(|(key, value)| (self.hidden(key), self.conceal(value)))
            .collect()
    }

    fn concealed(&self, text: &str) -> String {
        match self.known.iter().find(|(_, secret)| secret == text) {
            Some((path, _)) => format!("{VARIABLE}{path}"),
            // A job's id may hold four digits of anything.
            None if Uuid::try_parse(text).is_ok() => text.to_owned(),
            None => self.hidden(text),
        }
    }

    /// The text with stars in the place of secrets, also where it is JSON that holds them.
    pub(in crate::mill) fn hidden(&self, text: impl Into<String>) -> String {
        let mut shown = text.into();
        for form in &self.forms {
            if shown.contains(form) {
                shown = shown.replace(form, CONCEALED);
            }
        }
        shown
    }

    /// The same for the end of a text whose beginning was cut off, maybe within a secret.
    pub(in crate::mill) fn hidden_end(&self, text: &str) -> String {
        let rests = self.forms.iter().map(|form| rest(text, form));
        match rests.max().unwrap_or_default() {
            0 => self.hidden(text),
            length => self.hidden(format!("{CONCEALED}{}", &text[length..])),
        }
    }

    /// How much of a text can be told already: its end may be the beginning of a secret whose rest is still to come.
    pub(in crate::mill) fn settled(&self, text: &str) -> usize {
        let begun = self.forms.iter().map(|form| begun(text, form));
        let mut settled = text.len() - begun.max().unwrap_or_default();
        // A secret that is there whole is not divided.
        let divided = |at: usize| {
            let found = self.forms.iter().flat_map(|form| text.match_indices(form));
            let mut places = found.map(|(start, form)| (start, start + form.len()));
            places.find(|(start, end)| *start < at && at < *end)
        };
        while let Some((_, end)) = divided(settled) {
            settled = end;
        }
        settled
    }
}

/// A secret as it may be written: whole, without what surrounds it, and line by line.
fn texts_of(secret: &str) -> impl Iterator<Item = &str> {
    let is_long = |line: &&str| line.chars().count() >= SHORTEST_LINE;
    let lines = secret.lines().map(str::trim).filter(is_long);
    let trimmed = Some(secret.trim()).filter(|text| text.chars().count() >= SHORTEST);
    std::iter::once(secret).chain(trimmed).chain(lines)
}

/// How long the longest beginning of a text is that a secret ends with, and begins before.
fn rest(text: &str, secret: &str) -> usize {
    let longest = secret.len().saturating_sub(1).min(text.len());
    let mut lengths = (SHORTEST..=longest).rev();
    let is_rest = |length: &usize| {
        text.is_char_boundary(*length) && secret.as_bytes().ends_with(&text.as_bytes()[..*length])
    };
    lengths.find(is_rest).unwrap_or_default()
}

/// How long the longest end of a text is that a secret begins with, and goes on after.
fn begun(text: &str, secret: &str) -> usize {
    let longest = secret.len().saturating_sub(1).min(text.len());
    let mut lengths = (1..=longest).rev();
    let found = lengths.find(|length| text.as_bytes().ends_with(&secret.as_bytes()[..*length]));
    found.unwrap_or_default()
}

/// A text as it is between the quotation marks of JSON.
fn within_json(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secrets() -> Secrets {
        let known = [
            ("f/a/key", "k3y-of-the-house"),
            ("f/a/part", "house"),
            ("f/a/pin", "12"),
            ("f/a/hex", "abcd"),
        ];
        Secrets::new(
            known
                .iter()
                .map(|(path, secret)| ((*path).to_owned(), (*secret).to_owned())),
        )
    }

    #[test]
    fn secrets_are_concealed_wherever_they_are() {
        let id = "0123abcd-0000-7000-8000-000000000012";
        let value = json!({"whole": "k3y-of-the-house", "in": ["a k3y-of-the-house, a house"], "pin": "12", "n": "123",
            "id": id, "house": 1, "number": 12});
        let expected = json!({"whole": "$var:f/a/key", "in": ["a ***, a ***"], "pin": "$var:f/a/pin", "n": "123",
            "id": id, "***": 1, "number": 12});
        assert_eq!(secrets().conceal(&value), expected);
    }

    #[test]
    fn parts_of_a_secret_are_concealed_where_it_was_cut() {
        let known = ("f/a/pem".to_owned(), "first-half\nsecond-half\n".to_owned());
        let secrets = Secrets::new([known].into_iter());
        for (said, shown) in [
            ("second-half", "***"),
            ("first-half\nsecond-half", "***"),
            ("a first-half b", "a *** b"),
        ] {
            assert_eq!(secrets.conceal(&json!(said)), shown);
        }
        assert_eq!(secrets.hidden_end("nd-half and more"), "*** and more");
        assert_eq!(secrets.hidden_end("another end"), "another end");
    }

    #[test]
    fn what_may_become_a_secret_is_not_told_yet() {
        let secrets = secrets();
        let kept = |text: &str| text[secrets.settled(text)..].to_owned();
        assert_eq!(kept("text k3y-of"), "k3y-of");
        assert_eq!(kept("text hou"), "hou");
        assert_eq!(kept("text"), "");
        assert_eq!(kept("a k3y-of-the-house"), "");
        let ends_as_it_begins =
            Secrets::new([("f/a/b".to_owned(), "seals".to_owned())].into_iter());
        assert_eq!(ends_as_it_begins.settled("a seals"), 7);
    }
}
