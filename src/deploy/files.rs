//! A set of generated files: compared with a folder, and written to it.
//!
//! Always so: a file is written whole or not at all, and only one that says that it is generated, or that goes with one that does,
//! is removed.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use millwright_core::catalog::GENERATED;
use millwright_step::files::write_whole;

/// A set of generated files, by their path below a folder.
#[derive(Debug)]
pub struct GeneratedFiles {
    files: BTreeMap<PathBuf, String>,
    folders: Vec<PathBuf>,
    wordless: Vec<&'static str>,
}

/// How a file in a folder differs from the generated one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// It is not there.
    Missing(PathBuf),
    /// It says something else.
    Changed(PathBuf),
    /// It was generated once and no longer is.
    Stale(PathBuf),
}

/// Why files could not be compared or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} {path}: {source}", path = path.display())]
pub struct DeployError {
    what: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl Difference {
    /// The file's path below the folder.
    pub fn path(&self) -> &Path {
        match self {
            Self::Missing(path) | Self::Changed(path) | Self::Stale(path) => path,
        }
    }

    /// The difference in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Missing(_) => "missing",
            Self::Changed(_) => "changed",
            Self::Stale(_) => "stale",
        }
    }

    /// What writing did about it, in a word.
    pub fn mended(&self) -> &'static str {
        match self {
            Self::Missing(_) | Self::Changed(_) => "written",
            Self::Stale(_) => "removed",
        }
    }
}

impl GeneratedFiles {
    /// No files yet; stale ones will be looked for in these folders.
    pub(crate) fn new(folders: &[&str]) -> Self {
        Self {
            files: BTreeMap::new(),
            folders: folders.iter().map(PathBuf::from).collect(),
            wordless: Vec::new(),
        }
    }

    /// Has files of exactly this text count as generated.
    pub(crate) fn know(&mut self, text: &'static str) {
        self.wordless.push(text);
    }

    pub(crate) fn add(&mut self, path: impl Into<PathBuf>, text: String) {
        self.files.insert(path.into(), text);
    }

    /// Each file's path and text.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &str)> {
        let files = self.files.iter();
        files.map(|(path, text)| (path.as_path(), text.as_str()))
    }

    /// What writing would change below `root`, in the order of the paths.
    ///
    /// # Errors
    /// Where a file or a folder cannot be read.
    pub fn differences(&self, root: &Path) -> Result<Vec<Difference>, DeployError> {
        let mut found = Vec::new();
        for (path, text) in &self.files {
            match read(&root.join(path))? {
                None => found.push(Difference::Missing(path.clone())),
                Some(there) if there != text.as_bytes() => {
                    found.push(Difference::Changed(path.clone()));
                }
                Some(_) => {}
            }
        }
        for folder in &self.folders {
            self.find_stale(root, folder, &mut found)?;
        }
        found.sort_by(|one, other| one.path().cmp(other.path()));
        Ok(found)
    }

    /// Writes what differs below `root` and removes what is stale. Says what it changed.
    ///
    /// # Errors
    /// Where a file cannot be read, written or removed. What was written until then is whole.
    pub fn write(&self, root: &Path) -> Result<Vec<Difference>, DeployError> {
        let differences = self.differences(root)?;
        for difference in &differences {
            let path = root.join(difference.path());
            match difference {
                Difference::Stale(_) => fs::remove_file(&path).map_err(failed("remove", &path))?,
                Difference::Missing(below) | Difference::Changed(below) => {
                    write_whole(&path, self.files[below].as_bytes())
                        .map_err(failed("write", &path))?;
                }
            }
        }
        Ok(differences)
    }

    fn find_stale(
        &self,
        root: &Path,
        folder: &Path,
        found: &mut Vec<Difference>,
    ) -> Result<(), DeployError> {
        let there = root.join(folder);
        let entries = match fs::read_dir(&there) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(failed("read", &there))?,
        };
        for entry in entries {
            let entry = entry.map_err(failed("read", &there))?;
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                self.find_stale(root, &path, found)?;
            } else if !self.files.contains_key(&path) && self.is_generated(&entry.path())? {
                found.push(Difference::Stale(path));
            }
        }
        Ok(())
    }

    fn is_generated(&self, path: &Path) -> Result<bool, DeployError> {
        let text = read(path)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        Ok(text.contains(GENERATED) || self.wordless.contains(&text.as_ref()))
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, DeployError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DeployError {
    move |source| DeployError {
        what,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_file() -> GeneratedFiles {
        let mut files = GeneratedFiles::new(&["flows"]);
        files.add("flows/a.json", format!("new {GENERATED}"));
        files
    }

    #[test]
    fn writing_mends_every_difference() {
        let folder = tempfile::tempdir().unwrap();
        let flows = folder.path().join("flows");
        fs::create_dir_all(flows.join("deep")).unwrap();
        fs::write(flows.join("a.json"), "old").unwrap();
        fs::write(flows.join("deep/b.json"), GENERATED).unwrap();
        fs::write(flows.join("mine.json"), "by hand").unwrap();
        fs::write(flows.join("c.lock"), "{}").unwrap();
        let mut one_file = one_file();
        one_file.know("{}");
        let expected = [
            Difference::Changed("flows/a.json".into()),
            Difference::Stale("flows/c.lock".into()),
            Difference::Stale("flows/deep/b.json".into()),
        ];
        assert_eq!(one_file.differences(folder.path()).unwrap(), expected);
        assert_eq!(one_file.write(folder.path()).unwrap(), expected);
        assert_eq!(one_file.differences(folder.path()).unwrap(), []);
        assert!(flows.join("mine.json").exists());
        assert!(!flows.join("deep/b.json").exists());
        assert_eq!(
            fs::read_dir(&flows).unwrap().count(),
            3,
            "nothing is left over"
        );
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join("flows"),
            "a file where a folder should be",
        )
        .unwrap();
        let error = one_file().write(folder.path()).unwrap_err().to_string();
        assert!(error.contains("flows"), "{error}");
    }
}
