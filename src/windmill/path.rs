//! Paths of a workspace: `u/alice/build`, `f/team/flow`.
//!
//! Always so: such a path is plain segments, so that it means the same in an address.

use std::fmt;
use std::str::FromStr;

/// The path of a script, flow, variable or schedule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemPath(String);

/// A text is no path of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no path of a workspace: it begins with u/<user>/ or f/<folder>/, and its parts are letters, digits, - and _"
)]
pub struct BadPath(pub String);

impl FromStr for ItemPath {
    type Err = BadPath;

    fn from_str(text: &str) -> Result<Self, BadPath> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let parts: Vec<&str> = text.split('/').collect();
        let is_plain = parts
            .iter()
            .all(|part| !part.is_empty() && part.chars().all(plain));
        if is_plain && parts.len() >= 3 && ["u", "f"].contains(&parts[0]) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadPath(text.to_owned()))
        }
    }
}

impl ItemPath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ItemPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_plain_segments_of_a_user_or_folder() {
        for good in ["u/devgodzilla/run_qa", "f/a-b/c/d"] {
            assert_eq!(good.parse::<ItemPath>().unwrap().as_str(), good);
        }
        for bad in [
            "", "u/a", "g/a/b", "u//b", "u/a/..", "f/a/b?x", "f/a/b%2f", "/u/a/b", "f/a/ü",
        ] {
            assert_eq!(bad.parse::<ItemPath>(), Err(BadPath(bad.to_owned())));
        }
    }
}
