//! A bash script and the arguments that it takes.
//!
//! Always so: arguments are found as Windmill finds them, by lines `name="$1"`.

use std::collections::HashMap;
use std::sync::LazyLock;

use millwright_core::protocol::hex;
use regex::Regex;
use sha2::{Digest, Sha256};

/// A bash script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::mill) struct Script {
    /// Its text.
    pub(in crate::mill) content: String,
    /// The first 16 digits of its text's SHA-256, in place of Windmill's own hash.
    pub(in crate::mill) hash: String,
    /// The names of its arguments, in their order.
    pub(in crate::mill) arguments: Vec<String>,
}

impl Script {
    pub(in crate::mill) fn new(content: String) -> Self {
        Self {
            arguments: arguments_of(&content),
            hash: hex(&Sha256::digest(content.as_bytes())[..8]),
            content,
        }
    }
}

/// Windmill passes no more arguments.
const MOST_ARGUMENTS: usize = 19;

/// A line such as `name="$1"`, `name="${2}"` or `name="${3:-default}"`, and a comment after it, as the newest Windmill
/// reads it. A value without quotation marks is none.
static ARGUMENT: LazyLock<Regex> = LazyLock::new(|| {
    let line = r#"^(\w+)="\$(?:([0-9]+)|\{([0-9]+)(?::-.*)?\})"[ \t]*(?:#.*)?$"#;
    Regex::new(line).expect("it is a regular expression")
});

/// The names of the arguments, as far as the numbers go without a gap. Of two lines with one number the last counts.
fn arguments_of(content: &str) -> Vec<String> {
    let found: HashMap<usize, &str> = content.lines().filter_map(argument_of).collect();
    let names = (1..=MOST_ARGUMENTS).map_while(|number| found.get(&number));
    names.map(|name| (*name).to_owned()).collect()
}

fn argument_of(line: &str) -> Option<(usize, &str)> {
    let parts = ARGUMENT.captures(line)?;
    let number = parts.get(2).or(parts.get(3))?;
    Some((number.as_str().parse().ok()?, parts.get(1)?.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_recognised_by_their_lines() {
        let of = |text: &str| Script::new(text.to_owned()).arguments;
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
        let script = Script::new((1..=25).map(line).collect());
        assert_eq!(script.arguments.len(), 19);
    }
}
