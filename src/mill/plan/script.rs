//! A bash script and the arguments that it takes.
//!
//! Always so: arguments are found as Windmill finds them, by lines `name="$1"`.

use std::fmt::Write;

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
        let digest = Sha256::digest(content.as_bytes());
        let mut hash = String::new();
        for byte in &digest[..8] {
            write!(hash, "{byte:02x}").expect("a string takes all text");
        }
        Self {
            arguments: arguments_of(&content),
            hash,
            content,
        }
    }
}

/// The names in `name="$1"` and `name="${2:-default}"`, as far as the numbers go without a gap.
fn arguments_of(content: &str) -> Vec<String> {
    let found: Vec<(usize, &str)> = content.lines().filter_map(argument_of).collect();
    let at = |number| found.iter().find(|(known, _)| *known == number);
    (1..)
        .map_while(at)
        .map(|(_, name)| (*name).to_owned())
        .collect()
}

fn argument_of(line: &str) -> Option<(usize, &str)> {
    let (name, value) = line.split_once('=')?;
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(is_word) {
        return None;
    }
    let (inside, after) = value.strip_prefix("\"$")?.rsplit_once('"')?;
    let comment = after.trim_start();
    if !comment.is_empty() && !comment.starts_with('#') {
        return None;
    }
    let with_default = || {
        inside
            .strip_prefix('{')?
            .strip_suffix('}')?
            .split_once(":-")
    };
    let number = with_default().map_or(inside, |(number, _)| number);
    Some((number.parse().ok()?, name))
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
        assert_eq!(of("echo \"$1\"\n a=\"$1\"\nb=\"$1x\"\nc=$1"), [""; 0]);
    }
}
