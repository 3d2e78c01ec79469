//! Where flows and scripts are found by their path.
//!
//! Always so: a path has three plain words, so that none leads out of the project's folders.

mod files;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use millwright_core::openflow::Flow;
use serde_json::Value;

use super::MillError;
use super::language::{ENDINGS, Language};
use crate::embedded;

/// What the executable carries, by file name; rendered when it is first needed.
static OURS: LazyLock<HashMap<String, String>> = LazyLock::new(|| embedded::files().collect());

/// A script as it was found.
#[derive(Debug)]
pub(crate) struct ScriptFile {
    /// Its language, by the end of its file's name.
    pub(crate) language: Language,
    /// Its text.
    pub(crate) content: String,
}

/// The flows and scripts of a project: `f/x/name` is `flows/x/name.flow.json`, `u/x/name` is `scripts/x/name.sh`, or ends
/// as its language does. Else they lie where Windmill's own command line has them: `f/x/name.flow/flow.yaml`,
/// `f/x/name__flow/flow.yaml` and `u/x/name.sh`.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    root: PathBuf,
    /// Whether what the executable carries stands in for a file that is missing.
    with_ours: bool,
}

impl Sources {
    /// The project's folder.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

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
        let places = ["flows", "f"].iter().map(|place| self.root.join(place));
        let folders = places.flat_map(std::fs::read_dir).flatten();
        let folders = folders.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut folders: Vec<String> = folders.collect();
        folders.sort();
        let paths = folders.iter().map(|folder| format!("f/{folder}/{name}"));
        paths
            .chain([format!("f/devgodzilla/{name}")])
            .find(|path| self.flow(path).is_ok())
    }

    /// The flow in a file of JSON or YAML.
    ///
    /// # Errors
    /// [`MillError::Unreadable`], [`MillError::BadFile`] or [`MillError::NotAFlow`].
    pub fn flow_in(file: &Path) -> Result<Flow, MillError> {
        files::read(file)
    }

    /// The flow at a path such as `f/devgodzilla/run_next_step`.
    ///
    /// # Errors
    /// [`MillError::BadPath`], [`MillError::Missing`], [`MillError::Unreadable`] or [`MillError::NotAFlow`].
    pub fn flow(&self, path: &str) -> Result<Flow, MillError> {
        let [_, folder, name] = words(path)?;
        let file = format!("flows/{folder}/{name}.flow.json");
        if !self.root.join(&file).exists()
            && let Some(flow) = files::flow(&self.root, path)
        {
            return flow;
        }
        let text = self.read("flow", path, &file)?;
        Flow::from_json(&text).map_err(|error| MillError::NotAFlow {
            file: self.root.join(&file),
            error,
        })
    }

    /// The script at a path such as `u/devgodzilla/clone_repo`.
    ///
    /// # Errors
    /// [`MillError::BadPath`], [`MillError::Missing`] or [`MillError::Unreadable`], and [`MillError::BadFile`] where there
    /// are two of that path.
    pub(crate) fn script(&self, path: &str) -> Result<ScriptFile, MillError> {
        let [_, folder, name] = words(path)?;
        let beginnings = [format!("scripts/{folder}/{name}"), path.to_owned()];
        let names = beginnings.iter().flat_map(|beginning| {
            ENDINGS
                .iter()
                .map(move |(ending, language)| (format!("{beginning}{ending}"), *language))
        });
        let mut found = names.filter(|(name, _)| self.root.join(name).is_file());
        let ours = || (format!("scripts/{folder}/{name}.sh"), "bash");
        let (file, language) = found.next().unwrap_or_else(ours);
        if let Some((other, _)) = found.next() {
            return Err(MillError::BadFile {
                file: self.root.join(other),
                reason: format!("{file} is {path} as well: keep one of them"),
            });
        }
        Ok(ScriptFile {
            language: Language::named(language),
            content: self.read("script", path, &file)?,
        })
    }

    /// The JSON Schema of a script's arguments, where its `.script.yaml` has one.
    ///
    /// # Errors
    /// [`MillError::BadPath`], [`MillError::Unreadable`] or [`MillError::BadFile`].
    pub fn schema_of_script(&self, path: &str) -> Result<Option<Value>, MillError> {
        let [_, folder, name] = words(path)?;
        let names = [
            format!("scripts/{folder}/{name}.script.yaml"),
            format!("{path}.script.yaml"),
        ];
        let file = names.iter().map(|name| self.root.join(name));
        let Some(file) = file.into_iter().find(|file| file.is_file()) else {
            let ours = self.with_ours.then(|| embedded::schema_of_script(path));
            return Ok(ours.flatten());
        };
        let metadata = files::yaml(&file)?;
        Ok(metadata
            .get("schema")
            .filter(|schema| schema.is_object())
            .cloned())
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
        assert!(script.content.contains("millwright-step open_pr"));
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
