//! The arguments that a script takes, as far as they can be read from its text.
//!
//! Always so: arguments of bash are found as Windmill finds them, by lines `name="$1"`.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;

/// An argument of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::mill) struct Parameter {
    /// Its name.
    pub(in crate::mill) name: String,
    /// Whether it is declared as a `Date`, which text becomes.
    pub(in crate::mill) is_date: bool,
}

/// Windmill passes no more arguments to bash.
const MOST_ARGUMENTS: usize = 19;

/// A line such as `name="$1"`, `name="${2}"` or `name="${3:-default}"`, and a comment after it, as the newest Windmill
/// reads it. A value without quotation marks is none.
static ARGUMENT: LazyLock<Regex> = LazyLock::new(|| {
    let line = r#"^(\w+)="\$(?:([0-9]+)|\{([0-9]+)(?::-.*)?\})"[ \t]*(?:#.*)?$"#;
    Regex::new(line).expect("it is a regular expression")
});

/// The arguments of bash, as far as the numbers go without a gap. Of two lines with one number the last counts.
pub(super) fn of_bash(content: &str) -> Vec<Parameter> {
    let found: HashMap<usize, &str> = content.lines().filter_map(argument_of).collect();
    let names = (1..=MOST_ARGUMENTS).map_while(|number| found.get(&number));
    names
        .map(|name| Parameter {
            name: (*name).to_owned(),
            is_date: false,
        })
        .collect()
}

fn argument_of(line: &str) -> Option<(usize, &str)> {
    let parts = ARGUMENT.captures(line)?;
    let number = parts.get(2).or(parts.get(3))?;
    Some((number.as_str().parse().ok()?, parts.get(1)?.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        let found = of_bash(text).into_iter();
        found.map(|parameter| parameter.name).collect()
    }

    #[test]
    fn arguments_are_recognised_by_their_lines() {
        assert_eq!(
            of("a=\"$1\"\nb=\"$2\" # two\nc=\"${3:-x y}\"\n"),
            ["a", "b", "c"]
        );
        assert_eq!(of("b=\"$2\"\na=\"$1\"\nd=\"$4\""), ["a", "b"]);
        assert_eq!(
            of("a=\"${1}\"\r\nb=\"${2:-}\"\t# \"two\"\nc=\"${3:-\"x}\"}\"#three"),
            ["a", "b", "c"]
        );
        assert_eq!(of("a=\"$1\"\nb=\"$1\""), ["b"]);
        for line in [
            "echo \"$1\"",
            " a=\"$1\"",
            "a=\"$1x\"",
            "a=$1",
            "a=${1}",
            "a=${1:-default}",
            "a=\"${1-default}\"",
            "a=\"$1\"; b=2",
            "export a=\"$1\"",
            "a=\"$0\"",
        ] {
            assert_eq!(of(line), [""; 0], "{line}");
        }
    }

    #[test]
    fn windmill_passes_nineteen_arguments_and_no_more() {
        let line = |number| format!("a{number}=\"${{{number}}}\"\n");
        assert_eq!(of(&(1..=25).map(line).collect::<String>()).len(), 19);
    }
}
