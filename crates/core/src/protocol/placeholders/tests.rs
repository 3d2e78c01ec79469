//! Forms of placeholders, and what is put in for them.
//!
//! Always so: what is put in stays as it is, whatever it looks like.

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
    let read = |source: Source<'_>| (source == Source::File("b.md")).then(|| "from b".to_owned());
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

#[test]
fn what_the_machine_knows_is_put_into_braces_alone() {
    let spec: Map<String, Value> = Builtin::ALL.iter().map(|known| known.entry()).collect();
    let values = values(&spec, |source| match source {
        Source::Builtin(Builtin::UserName) | Source::File(_) => None,
        Source::Builtin(known) => Some(format!("<{known}>")),
    });
    let filled = fill(
        "{date} {!timestamp} $date <date> {{date}} [{!user_name}]",
        &values,
    );
    assert_eq!(
        filled.as_deref(),
        Ok("<date> <timestamp> $date <date> {<date>} []")
    );
    assert!(fill("{user_name}", &values).is_err());
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
        prop_assert_eq!(fill(&text, &Values::default()), Ok(text));
    }

    #[test]
    fn any_text_is_taken(text in r"[{}<>$!ab\-é ]{0,40}") {
        let values = known(&[("a", Some("1")), ("b", None)]);
        if let Err(missing) = fill(&text, &values) {
            prop_assert_eq!(missing.names, BTreeSet::from(["b".to_owned()]));
        }
    }
}
