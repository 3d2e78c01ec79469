//! Where flows and scripts are found by their path.
//!
//! Always so: a path has three plain words, so that none leads out of the project's folders.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use millwright_core::openflow::Flow;

use super::MillError;

/// The flows and scripts of a project: `f/x/name` is `flows/x/name.flow.json`, `u/x/name` is `scripts/x/name.sh`.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    root: PathBuf,
    embedded: Arc<HashMap<String, String>>,
}

impl Sources {
    /// The files below a project's root.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            embedded: Arc::default(),
        }
    }

    /// Texts that stand in for files that are missing, by file name below the root.
    #[must_use]
    pub fn with_embedded(
        mut self,
        files: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> Self {
        let files = files.into_iter();
        self.embedded = Arc::new(
            files
                .map(|(name, text)| (name.into(), text.into()))
                .collect(),
        );
        self
    }

    /// The flow at a path such as `f/devgodzilla/run_next_step`.
    ///
    /// # Errors
    /// [`MillError::BadPath`], [`MillError::Missing`], [`MillError::Unreadable`] or [`MillError::NotAFlow`].
    pub fn flow(&self, path: &str) -> Result<Flow, MillError> {
        let [_, folder, name] = words(path)?;
        let file = format!("flows/{folder}/{name}.flow.json");
        let text = self.read("flow", path, &file)?;
        Flow::from_json(&text).map_err(|error| MillError::NotAFlow {
            file: self.root.join(&file),
            error,
        })
    }

    /// The text of the bash script at a path such as `u/devgodzilla/clone_repo`.
    ///
    /// # Errors
    /// [`MillError::BadPath`], [`MillError::Missing`] or [`MillError::Unreadable`].
    pub fn script(&self, path: &str) -> Result<String, MillError> {
        let [_, folder, name] = words(path)?;
        self.read("script", path, &format!("scripts/{folder}/{name}.sh"))
    }

    fn read(&self, what: &'static str, path: &str, name: &str) -> Result<String, MillError> {
        let file = self.root.join(name);
        match std::fs::read_to_string(&file) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let embedded = self.embedded.get(name).cloned();
                embedded.ok_or_else(|| MillError::Missing {
                    what,
                    path: path.to_owned(),
                    file,
                })
            }
            Err(error) => Err(MillError::Unreadable {
                file,
                reason: error.to_string(),
            }),
        }
    }
}

fn words(path: &str) -> Result<[&str; 3], MillError> {
    let plain = |word: &&str| {
        let mut characters = word.chars();
        !word.is_empty()
            && !word.starts_with('.')
            && characters.all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
    };
    let words: Vec<&str> = path.split('/').filter(plain).collect();
    let count = path.split('/').count();
    match words.as_slice() {
        [owner @ ("f" | "u"), folder, name] if count == 3 => Ok([owner, folder, name]),
        _ => Err(MillError::BadPath(path.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_project() {
        let sources = Sources::below("/nowhere");
        for path in [
            "f/../x",
            "f/a/..",
            "f/a/.hidden",
            "/f/a/b",
            "f/a/b/c",
            "f//b",
            "g/a/b",
            "f/a/b\0",
        ] {
            assert!(
                matches!(sources.script(path), Err(MillError::BadPath(_))),
                "{path}"
            );
        }
        assert!(matches!(
            sources.script("u/a/b"),
            Err(MillError::Missing { .. })
        ));
    }

    #[test]
    fn what_is_embedded_stands_in_for_a_missing_file() {
        let sources = Sources::below("/nowhere").with_embedded([("scripts/a/b.sh", "true")]);
        assert_eq!(sources.script("u/a/b").unwrap(), "true");
    }
}
