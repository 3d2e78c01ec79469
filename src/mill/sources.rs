//! Where flows and scripts are found by their path.
//!
//! Always so: a path has three plain words, so that none leads out of the project's folders.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use millwright_core::openflow::Flow;

use super::MillError;
use crate::embedded;

/// What the executable carries, by file name; rendered when it is first needed.
static OURS: LazyLock<HashMap<String, String>> = LazyLock::new(|| embedded::files().collect());

/// The flows and scripts of a project: `f/x/name` is `flows/x/name.flow.json`, `u/x/name` is `scripts/x/name.sh`.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    root: PathBuf,
    /// Whether what the executable carries stands in for a file that is missing.
    with_ours: bool,
}

impl Sources {
    /// The files below a project's root, and those that the executable carries where a file is missing.
    pub fn of_project(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            with_ours: true,
        }
    }

    /// The files below a folder alone.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            with_ours: false,
        }
    }

    /// The path of the flow that a bare name means: the project's own, in the order of its folders, else ours.
    pub fn flow_named(&self, name: &str) -> Option<String> {
        let folders = std::fs::read_dir(self.root.join("flows"))
            .into_iter()
            .flatten();
        let folders = folders.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut folders: Vec<String> = folders.collect();
        folders.sort();
        let paths = folders.iter().map(|folder| format!("f/{folder}/{name}"));
        paths
            .chain([format!("f/devgodzilla/{name}")])
            .find(|path| self.flow(path).is_ok())
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
        let file = format!("scripts/{folder}/{name}.sh");
        self.read("script", path, &file)
    }

    fn read(&self, what: &'static str, path: &str, name: &str) -> Result<String, MillError> {
        let file = self.root.join(name);
        match std::fs::read_to_string(&file) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let ours = self.with_ours.then(|| OURS.get(name).cloned());
                ours.flatten().ok_or_else(|| MillError::Missing {
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
    fn what_the_executable_carries_stands_in_for_a_missing_file() {
        let sources = Sources::of_project("/nowhere");
        let script = sources.script("u/devgodzilla/open_pr").unwrap();
        assert!(script.contains("millwright-step open_pr"));
        assert!(
            Sources::below("/nowhere")
                .script("u/devgodzilla/open_pr")
                .is_err()
        );
        let found = sources.flow_named("run_next_step");
        assert_eq!(found.as_deref(), Some("f/devgodzilla/run_next_step"));
        assert_eq!(sources.flow_named("../x"), None);
    }
}
