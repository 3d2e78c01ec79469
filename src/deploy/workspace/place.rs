//! Where in a workspace what is deployed stands: at the catalog's own paths, or together in one folder of another name.
//!
//! Always so: wherever it stands, what is deployed refers to itself by the paths that it has there.

use std::str::FromStr;

use serde_json::Value;

use crate::windmill::{ItemKind, ItemPath};

/// The folder of the catalog's flows and of what they need.
const FOLDER: &str = "devgodzilla";
/// The beginning of the catalog's paths of scripts.
const SCRIPTS: &str = "u/devgodzilla/";
/// The beginning of the catalog's other paths.
const OTHERS: &str = "f/devgodzilla/";

/// The secret variable with the API's token, in the catalog's own folder.
pub(super) const TOKEN: &str = "f/devgodzilla/tasksgodzilla_api_token";

/// Where what is deployed stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place(Option<String>);

/// A text is no folder's name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no folder's name: use letters, digits and _")]
pub struct BadFolder(String);

impl FromStr for Place {
    type Err = BadFolder;

    /// In the folder of a name: scripts, flows and all else.
    fn from_str(name: &str) -> Result<Self, BadFolder> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(BadFolder(name.to_owned()));
        }
        Ok(Self(Some(name.to_owned())))
    }
}

impl Place {
    /// The secret variable that jobs are given the API's token from.
    pub fn token(&self) -> ItemPath {
        self.path(TOKEN)
    }

    /// The folder's name.
    pub(super) fn folder(&self) -> &str {
        self.0.as_deref().unwrap_or(FOLDER)
    }

    /// With what the paths of a kind begin.
    pub fn beginning(&self, kind: ItemKind) -> String {
        match (kind, &self.0) {
            (ItemKind::Script, None) => SCRIPTS.to_owned(),
            _ => format!("f/{}/", self.folder()),
        }
    }

    /// What a path of the catalog is here.
    ///
    /// # Panics
    /// Never: the catalog's paths are paths.
    pub(super) fn path(&self, ours: &str) -> ItemPath {
        let path = self.moved(ours).unwrap_or_else(|| ours.to_owned());
        path.parse().expect("the catalog's paths are paths")
    }

    /// Has every path of the catalog that is a text of its own here, or referred to by one, be what it is here.
    pub(super) fn settle(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(moved) = self.moved(text) {
                    *text = moved;
                }
            }
            Value::Array(all) => all.iter_mut().for_each(|one| self.settle(one)),
            Value::Object(all) => all.values_mut().for_each(|one| self.settle(one)),
            _ => {}
        }
    }

    fn moved(&self, text: &str) -> Option<String> {
        let folder = self.0.as_deref()?;
        let (sign, path) = match text.strip_prefix("$var:") {
            Some(path) => ("$var:", path),
            None => ("", text),
        };
        let name = [SCRIPTS, OTHERS]
            .iter()
            .find_map(|beginning| path.strip_prefix(beginning))?;
        Some(format!("{sign}f/{folder}/{name}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn in_another_folder_every_path_is_another() {
        let mut value = json!({"path": "u/devgodzilla/open_pr", "args": ["$var:f/devgodzilla/token"],
            "content": "# u/devgodzilla/open_pr", "other": "f/team/x"});
        let stays = value.clone();
        Place::default().settle(&mut value);
        assert_eq!(value, stays);
        let place: Place = "staging".parse().unwrap();
        place.settle(&mut value);
        assert_eq!(
            value,
            json!({"path": "f/staging/open_pr", "args": ["$var:f/staging/token"],
                "content": "# u/devgodzilla/open_pr", "other": "f/team/x"})
        );
        assert_eq!(place.path("u/devgodzilla/a").as_str(), "f/staging/a");
        assert_eq!(place.beginning(ItemKind::Script), "f/staging/");
    }

    #[test]
    fn a_folder_is_one_plain_word() {
        for bad in ["", "a/b", "..", "f a", "ü", "a-b"] {
            assert_eq!(bad.parse::<Place>(), Err(BadFolder(bad.to_owned())));
        }
    }
}
