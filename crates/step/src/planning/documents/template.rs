//! Templates, filled in.
//!
//! Always so: a template is read once, from its beginning to its end; what is put in is not read again.

/// What stands for what in a template: ours, and those of GitHub's spec-kit.
const PLACES: [(&str, Word); 17] = [
    ("[name]", |words| &words.name),
    ("[FEATURE NAME]", |words| &words.name),
    ("[FEATURE]", |words| &words.name),
    ("{{feature_name}}", |words| &words.name),
    ("[feature-branch]", |words| &words.branch),
    ("[###-feature-name]", |words| &words.branch),
    ("{{branch_name}}", |words| &words.branch),
    ("[date]", |words| &words.date),
    ("[DATE]", |words| &words.date),
    ("{{date}}", |words| &words.date),
    ("[path]", |words| &words.path),
    ("[link]", |words| &words.path),
    ("{{path}}", |words| &words.path),
    (REQUEST, |words| &words.request),
    ("$ARGUMENTS", |words| &words.request),
    ("{{feature_request}}", |words| &words.request),
    ("{{tech_hints}}", |words| &words.hints),
];

/// Where our own template has the request.
const REQUEST: &str = "[The request in the words of whoever made it]";

/// Which of the words is put in.
type Word = fn(&Words) -> &str;

/// What is put in.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) name: String,
    pub(super) branch: String,
    pub(super) date: String,
    /// The document that this one follows from.
    pub(super) path: String,
    pub(super) request: String,
    pub(super) hints: String,
}

/// The template with its places filled. A request or hints for which it has no place stand at its end. A place without a
/// word stays as it is.
pub(super) fn fill(template: &str, words: &Words) -> String {
    let mut filled = String::with_capacity(template.len() + words.request.len());
    let mut rest = template;
    while let Some(start) = rest.find(['[', '{', '$']) {
        let (before, here) = rest.split_at(start);
        filled.push_str(before);
        let place = PLACES.iter().find(|(place, _)| here.starts_with(place));
        let word = place.map(|(place, word)| (*place, word(words)));
        let (place, word) = word
            .filter(|(_, word)| !word.is_empty())
            .unwrap_or((&here[..1], &here[..1]));
        filled.push_str(word);
        rest = &here[place.len()..];
    }
    filled.push_str(rest);
    for (title, word) in [("Request", &words.request), ("Hints", &words.hints)] {
        if !word.trim().is_empty() && !filled.contains(word.as_str()) {
            filled = format!("{}\n\n## {title}\n{word}\n", filled.trim_end());
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_once_and_what_has_no_place_is_added() {
        let words = Words {
            name: "login".to_owned(),
            request: "say [name] and $ARGUMENTS".to_owned(),
            hints: "no [date]".to_owned(),
            ..Words::default()
        };
        let filled = fill(
            "# [name] of [FEATURE NAME]\n$ARGUMENTS [other] [date]",
            &words,
        );
        assert_eq!(
            filled,
            "# login of login\nsay [name] and $ARGUMENTS [other] [date]\n\n## Hints\nno [date]\n"
        );
    }
}
