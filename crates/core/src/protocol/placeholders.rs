//! Placeholders: what stands for what in a prompt.
//!
//! Always so: a text is read once, from its beginning to its end. What a placeholder stands for is put in as it is,
//! and not read again, whatever it looks like.

mod pattern;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::words::words;
pub use pattern::matches;

/// What each known placeholder stands for; `None` where there is nothing to put in, as where its file is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    everywhere: BTreeMap<String, Option<String>>,
    /// What is replaced in braces alone, since its name is an everyday word: `$date` may be a script's own.
    in_braces: BTreeMap<String, Option<String>>,
}

words! {
    /// What a placeholder stands for that nobody writes down.
    Builtin is a "builtin placeholder" {
        /// The day: `2026-11-21`, UTC.
        Date = "date",
        /// The moment: `2026-11-21T10:16:33Z`.
        Datetime = "datetime",
        /// The milliseconds since 1970 began.
        Timestamp = "timestamp",
        /// Who runs the engine.
        UserName = "user_name",
    }
}

/// Where a placeholder's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// A file, or, where its name is a pattern, all that match.
    File(&'a str),
    /// The machine.
    Builtin(Builtin),
}

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

/// The values of a spec's `placeholders`: a text stands for itself, `{"file": path}` and `{"builtin": name}` for what `read`
/// finds there.
pub fn values(
    placeholders: &Map<String, Value>,
    mut read: impl FnMut(Source<'_>) -> Option<String>,
) -> Values {
    let mut values = Values::default();
    for (name, value) in placeholders {
        let source = value.as_object().and_then(Source::of);
        let found = match value {
            Value::Object(_) => source.and_then(&mut read),
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        };
        let known = match source {
            Some(Source::Builtin(_)) => &mut values.in_braces,
            _ => &mut values.everywhere,
        };
        known.insert(name.clone(), found);
    }
    values
}

impl Values {
    /// What a name stands for, in braces or in every form.
    fn get(&self, name: &str, is_braced: bool) -> Option<&Option<String>> {
        let braced = is_braced.then(|| self.in_braces.get(name)).flatten();
        braced.or_else(|| self.everywhere.get(name))
    }

    /// Makes a name stand for a text, in every form.
    pub fn insert(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.everywhere.insert(name.into(), Some(text.into()));
    }

    /// Every name, with what it stands for.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let all = self.everywhere.iter().chain(&self.in_braces);
        all.map(|(name, value)| (name.as_str(), value.as_deref()))
    }
}

impl FromIterator<(String, Option<String>)> for Values {
    fn from_iter<I: IntoIterator<Item = (String, Option<String>)>>(pairs: I) -> Self {
        Self {
            everywhere: pairs.into_iter().collect(),
            in_braces: BTreeMap::new(),
        }
    }
}

impl<'a> Source<'a> {
    fn of(about: &'a Map<String, Value>) -> Option<Self> {
        let text = |key: &str| about.get(key).and_then(Value::as_str);
        let builtin = || text("builtin")?.parse().ok().map(Self::Builtin);
        text("file").map(Self::File).or_else(builtin)
    }
}

impl Builtin {
    /// Its entry in a spec's `placeholders`.
    pub fn entry(self) -> (String, Value) {
        (self.to_string(), json!({"builtin": self}))
    }
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
    match values.get(first, false) {
        Some(Some(value)) => Ok(format!("{value}{}", fill(rest, values)?)),
        _ => fill(path, values),
    }
}

/// A placeholder as it is written.
struct Written<'a> {
    name: &'a str,
    optional: bool,
    /// In one pair of braces, and nothing else.
    is_braced: bool,
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
            is_braced: ["{", "{!"].contains(&open),
            length: open.len() + name.len() + close.len(),
        })
    });
    let bare = text.strip_prefix('$').map(|inner| {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let length = inner.find(|c| !word(c)).unwrap_or(inner.len());
        Written {
            name: &inner[..length],
            optional: false,
            is_braced: false,
            length: 1 + length,
        }
    });
    bracketed
        .chain(bare)
        .find_map(|found| Some((values.get(found.name, found.is_braced)?.as_deref(), found)))
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
mod tests;
