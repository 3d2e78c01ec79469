//! Placeholders: what stands for what in a prompt.
//!
//! Always so: a text is read once, from its beginning to its end. What a placeholder stands for is put in as it is,
//! and not read again, whatever it looks like.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// What each known placeholder stands for; `None` where its file is not there.
pub type Values = BTreeMap<String, Option<String>>;

/// A text asks for placeholders that have no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no value for {}: make the files that they stand for, or write {{!name}} where one may be missing",
    listed(.names)
)]
pub struct MissingPlaceholders {
    /// Their names.
    pub names: BTreeSet<String>,
}

/// The values of a spec's `placeholders`: a text stands for itself, `{"file": path}` for what `read` finds there.
pub fn values(
    placeholders: &Map<String, Value>,
    mut read: impl FnMut(&str) -> Option<String>,
) -> Values {
    let value_of = |value: &Value| match value {
        Value::Object(about) => about
            .get("file")
            .and_then(Value::as_str)
            .and_then(&mut read),
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    };
    let names = placeholders.keys().cloned();
    names.zip(placeholders.values().map(value_of)).collect()
}

/// The text with its placeholders replaced: `{name}`, `{!name}`, `{{name}}`, `<name>`, `${name}` and `$name`. A name
/// that nobody knows stays as it is written.
///
/// # Errors
/// [`MissingPlaceholders`] where a known one has no value and is not written `{!name}`, for which nothing is put in.
pub fn fill(text: &str, values: &Values) -> Result<String, MissingPlaceholders> {
    let mut filled = String::with_capacity(text.len());
    let mut names = BTreeSet::new();
    let mut rest = text;
    while let Some(start) = rest.find(['{', '<', '$']) {
        let (before, here) = rest.split_at(start);
        filled.push_str(before);
        let Some((found, value)) = known(here, values) else {
            filled.push_str(&here[..1]);
            rest = &here[1..];
            continue;
        };
        match value {
            Some(value) => filled.push_str(value),
            None if found.optional => {}
            None => {
                names.insert(found.name.to_owned());
            }
        }
        rest = &here[found.length..];
    }
    filled.push_str(rest);
    if names.is_empty() {
        Ok(filled)
    } else {
        Err(MissingPlaceholders { names })
    }
}

/// A path with its placeholders replaced: as a text's, and its first part where that is a placeholder's name.
///
/// # Errors
/// [`MissingPlaceholders`], as [`fill`].
pub fn fill_path(path: &str, values: &Values) -> Result<String, MissingPlaceholders> {
    let (first, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
    match values.get(first) {
        Some(Some(value)) => Ok(format!("{value}{}", fill(rest, values)?)),
        _ => fill(path, values),
    }
}

/// A placeholder as it is written.
struct Written<'a> {
    name: &'a str,
    optional: bool,
    length: usize,
}

/// The placeholder that a text begins with, where it is known.
fn known<'a>(text: &'a str, values: &'a Values) -> Option<(Written<'a>, Option<&'a str>)> {
    let bracketed = [
        ("{{", "}}", false),
        ("{!", "}", true),
        ("${", "}", false),
        ("{", "}", false),
        ("<", ">", false),
    ]
    .into_iter()
    .filter_map(|(open, close, optional)| {
        let inner = text.strip_prefix(open)?;
        let name = &inner[..name_length(inner)];
        let closed = inner[name.len()..].starts_with(close);
        closed.then_some(Written {
            name,
            optional,
            length: open.len() + name.len() + close.len(),
        })
    });
    let bare = text.strip_prefix('$').map(|inner| {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let length = inner.find(|c| !word(c)).unwrap_or(inner.len());
        Written {
            name: &inner[..length],
            optional: false,
            length: 1 + length,
        }
    });
    bracketed
        .chain(bare)
        .find_map(|found| Some((values.get(found.name)?.as_deref(), found)))
        .map(|(value, found)| (found, value))
}

fn name_length(text: &str) -> usize {
    let in_name = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    text.find(|c| !in_name(c)).unwrap_or(text.len())
}

fn listed(names: &BTreeSet<String>) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("{{{name}}}")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn known(pairs: &[(&str, Option<&str>)]) -> Values {
        let owned =
            |(name, value): &(&str, Option<&str>)| ((*name).to_owned(), value.map(str::to_owned));
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn every_form_is_replaced() {
        let values = known(&[("plan", Some("P")), ("none", None), ("a-b", Some("D"))]);
        for (text, expected) in [
            ("{plan} {!plan} {{plan}}", "P P P"),
            ("<plan> ${plan} $plan.", "P P P."),
            ("$plans {plans} {!plans} <b>", "$plans {plans} {!plans} <b>"),
            ("[{!none}]", "[]"),
            ("{a-b}{{plan}", "D{P"),
            ("{ plan } {plan", "{ plan } {plan"),
            ("é{plan}é$", "éPé$"),
            ("$$plan {{{plan}}}", "$P {P}"),
        ] {
            assert_eq!(fill(text, &values).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_has_no_value_is_named() {
        let values = known(&[("b", None), ("a", None), ("c", Some("x"))]);
        let missing = fill("{b} $a {c} {!a} {{b}}", &values).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "there is no value for {a}, {b}: make the files that they stand for, or write {!name} where one may be \
             missing"
        );
    }

    #[test]
    fn the_first_part_of_a_path_may_be_a_name() {
        let values = known(&[("prompts", Some("config/prompts")), ("lang", Some("en"))]);
        for (path, expected) in [
            ("prompts/{lang}/a.md", "config/prompts/en/a.md"),
            ("a/prompts/b.md", "a/prompts/b.md"),
            ("prompts", "config/prompts"),
            ("/prompts/a.md", "/prompts/a.md"),
            ("<prompts>/a.md", "config/prompts/a.md"),
        ] {
            assert_eq!(fill_path(path, &values).as_deref(), Ok(expected), "{path}");
        }
    }

    #[test]
    fn values_come_from_texts_and_files() {
        let spec = json!({"a": "text", "b": {"file": "b.md"}, "c": {"file": "no.md"}, "d": 3});
        let read = |path: &str| (path == "b.md").then(|| "from b".to_owned());
        assert_eq!(
            values(spec.as_object().unwrap(), read),
            known(&[
                ("a", Some("text")),
                ("b", Some("from b")),
                ("c", None),
                ("d", Some("3"))
            ])
        );
    }

    const FORMS: [(&str, &str); 6] = [
        ("{", "}"),
        ("{!", "}"),
        ("{{", "}}"),
        ("<", ">"),
        ("${", "}"),
        ("$", ""),
    ];

    /// Texts of words and placeholders, each with what it is when `one` and `two` are replaced by `values`.
    fn pieces() -> impl Strategy<Value = Vec<(usize, usize, String)>> {
        prop::collection::vec((0..FORMS.len(), 0..2usize, " [a-z .,\n]{0,8}"), 0..12)
    }

    proptest! {
        #[test]
        fn no_value_is_filled_twice(
            pieces in pieces(),
            one in r"(\{two\}|\{!one\}|\{\{one\}\}|<two>|\$one|\$\{two\}|[a-z{}$<>!]){0,6}",
            two in r"(\{one\}|<one>|\$two|x){0,6}",
        ) {
            let values = known(&[("one", Some(&one)), ("two", Some(&two))]);
            let names = ["one", "two"];
            let texts = [&one, &two];
            let mut written = String::new();
            let mut expected = String::new();
            for (form, which, word) in &pieces {
                let (open, close) = FORMS[*form];
                written.extend([open, names[*which], close, word]);
                expected.extend([texts[*which].as_str(), word]);
            }
            prop_assert_eq!(fill(&written, &values), Ok(expected));
        }

        #[test]
        fn without_known_names_nothing_changes(text in ".*") {
            prop_assert_eq!(fill(&text, &Values::new()), Ok(text));
        }

        #[test]
        fn any_text_is_taken(text in r"[{}<>$!ab\-é ]{0,40}") {
            let values = known(&[("a", Some("1")), ("b", None)]);
            if let Err(missing) = fill(&text, &values) {
                prop_assert_eq!(missing.names, BTreeSet::from(["b".to_owned()]));
            }
        }
    }
}
