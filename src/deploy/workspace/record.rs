//! What millwright remembers in a workspace of what it has deployed there: one variable.
//!
//! Always so: a thing is in it only once it was found to be as it should be, and nothing of a secret is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Name, Place, WorkspaceError};
use crate::windmill::ItemPath;

/// Where it is kept.
const PATH: &str = "f/devgodzilla/millwright_deployment";
/// The form that this program reads and writes.
const FORMAT: u32 = 1;

/// What is remembered of a thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Deployed {
    /// Of what it should be.
    pub(super) fingerprint: String,
    /// Windmill's own version of it, which changes with every change; empty where Windmill has none.
    pub(super) version: String,
}

/// What is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Record {
    things: BTreeMap<Name, Deployed>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    /// Each thing's fingerprint and version.
    things: BTreeMap<String, (String, String)>,
}

/// The variable's path.
pub(super) fn path(place: &Place) -> ItemPath {
    place.path(PATH)
}

impl Record {
    /// Reads the value of the variable at a path.
    pub(super) fn read(path: &ItemPath, text: &str) -> Result<Self, WorkspaceError> {
        let bad = |reason: String| WorkspaceError::Record {
            path: path.clone(),
            reason,
        };
        let stored: Stored = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
        if stored.format != FORMAT {
            return Err(bad(format!("its format is {}", stored.format)));
        }
        let things = stored.things.into_iter();
        let things = things.map(|(name, (fingerprint, version))| {
            let name = name
                .parse::<Name>()
                .map_err(|error| bad(error.to_string()))?;
            let deployed = Deployed {
                fingerprint,
                version,
            };
            Ok((name, deployed))
        });
        Ok(Self {
            things: things.collect::<Result<_, WorkspaceError>>()?,
        })
    }

    /// The variable's value.
    pub(super) fn text(&self) -> String {
        let things = self.things.iter().map(|(name, deployed)| {
            let Deployed {
                fingerprint,
                version,
            } = deployed.clone();
            (name.to_string(), (fingerprint, version))
        });
        let stored = Stored {
            format: FORMAT,
            things: things.collect(),
        };
        serde_json::to_string(&stored).expect("it is JSON")
    }

    pub(super) fn get(&self, name: &Name) -> Option<&Deployed> {
        self.things.get(name)
    }

    pub(super) fn set(&mut self, name: Name, deployed: Deployed) {
        self.things.insert(name, deployed);
    }

    pub(super) fn forget(&mut self, name: &Name) {
        self.things.remove(name);
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &Name> {
        self.things.keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written() {
        let mut record = Record::default();
        let deployed = Deployed {
            fingerprint: "abc".to_owned(),
            version: "1".to_owned(),
        };
        record.set("script u/a/b".parse().unwrap(), deployed);
        let text = record.text();
        assert_eq!(
            text,
            r#"{"format":1,"things":{"script u/a/b":["abc","1"]}}"#
        );
        assert_eq!(
            Record::read(&path(&Place::default()), &text).unwrap(),
            record
        );
    }

    #[test]
    fn what_is_none_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "EOF"),
            (r#"{"format":2,"things":{}}"#, "its format is 2"),
            (
                r#"{"format":1,"things":{"script ../x":["a","b"]}}"#,
                "is no kind and path",
            ),
        ] {
            let told = Record::read(&path(&Place::default()), text)
                .unwrap_err()
                .to_string();
            assert!(told.contains(reason) && told.contains(PATH), "{told}");
        }
    }
}
