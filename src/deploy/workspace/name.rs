//! What a thing in a workspace is called.
//!
//! Always so: names are ordered as things are made: what needs others comes after them.

use std::fmt;
use std::str::FromStr;

use crate::windmill::{ItemKind, ItemPath};

/// The name of a thing that is deployed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// A folder, without its `f/`.
    Folder(String),
    /// A variable of the environment of the workspace's jobs.
    Environment(String),
    /// What stands at a path.
    Item(ItemKind, ItemPath),
}

/// A text names nothing that stands at a path.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no kind and path, such as \"script u/devgodzilla/open_pr\"")]
pub struct BadName(String);

impl Name {
    /// The kind in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Folder(_) => "folder",
            Self::Environment(_) => "environment",
            Self::Item(kind, _) => kind.as_str(),
        }
    }

    /// Its path; a folder's and an environment variable's own name.
    pub fn path(&self) -> &str {
        match self {
            Self::Folder(name) | Self::Environment(name) => name,
            Self::Item(_, path) => path.as_str(),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.path())
    }
}

impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad = || BadName(text.to_owned());
        let (word, path) = text.split_once(' ').ok_or_else(bad)?;
        let kinds = [
            ItemKind::Variable,
            ItemKind::Script,
            ItemKind::Flow,
            ItemKind::Schedule,
        ];
        let kind = kinds.into_iter().find(|kind| kind.as_str() == word);
        let path = path.parse().map_err(|_| bad())?;
        Ok(Self::Item(kind.ok_or_else(bad)?, path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_kind_and_path() {
        let name: Name = "flow f/team/build".parse().unwrap();
        assert_eq!((name.kind(), name.path()), ("flow", "f/team/build"));
        assert_eq!(name.to_string(), "flow f/team/build");
        for bad in ["", "flow", "flow f/../x", "folder f/a/b", "flow f/a/b c"] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_flow_comes_after_its_scripts_and_before_schedules() {
        let mut names: Vec<Name> = [
            "schedule u/a/b",
            "flow u/a/b",
            "script u/a/c",
            "variable u/a/b",
        ]
        .map(|name| name.parse().unwrap())
        .into();
        names.push(Name::Folder("a".to_owned()));
        names.sort();
        let kinds: Vec<&str> = names.iter().map(Name::kind).collect();
        assert_eq!(kinds, ["folder", "variable", "script", "flow", "schedule"]);
    }
}
