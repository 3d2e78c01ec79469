//! The folder of a feature's documents, with what is known of them in `_runtime/context.json`.
//!
//! Always so: nothing is read or written outside of the project, and a file that a person wrote or changed stays: what was
//! written here is known by its hash.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use millwright_core::catalog::Object;
use millwright_core::protocol::short_hash;
use serde_json::{Value, json};

use super::kind::LONGEST;
use crate::files::{read_file, write_whole};
use crate::planning::PlanningError;

/// Where the hashes of the files are that were written here.
const GENERATED: &str = "generated";

/// A feature's folder.
pub(super) struct Drawer {
    folder: PathBuf,
}

impl Drawer {
    /// The folder, which is made where it is missing.
    pub(super) fn open(root: &Path, folder: &Path) -> Result<Self, PlanningError> {
        let runtime = folder.join("_runtime");
        refuse_outside(root, folder)?;
        fs::create_dir_all(folder).map_err(|error| PlanningError::document(folder, error))?;
        refuse_outside(root, &runtime)?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Refuses a file that is there and not as it was written here.
    pub(super) fn refuse_changed(&self, name: &str) -> Result<(), PlanningError> {
        let _lock = self.lock()?;
        self.refuse_changed_while_locked(name)
    }

    fn refuse_changed_while_locked(&self, name: &str) -> Result<(), PlanningError> {
        let path = self.folder.join(name);
        let bytes = match read_file(&path, LONGEST) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(PlanningError::document(&path, error)),
        };
        let context = self.context()?;
        let known = context
            .get(GENERATED)
            .and_then(|hashes| hashes.get(name)?.as_str());
        if known == Some(&short_hash(&bytes)) {
            return Ok(());
        }
        let problem = "someone wrote or changed it, so it is not written over: move it away, or go on from it as it is";
        Err(PlanningError::document(&path, problem))
    }

    /// Writes a document, and what is known of it.
    pub(super) fn keep(
        &self,
        name: &str,
        text: &str,
        facts: Object,
    ) -> Result<PathBuf, PlanningError> {
        let _lock = self.lock()?;
        self.refuse_changed_while_locked(name)?;
        let mut context = self.context()?;
        context.extend(facts);
        let hashes = context.entry(GENERATED).or_insert_with(|| json!({}));
        if !hashes.is_object() {
            *hashes = json!({});
        }
        hashes[name] = short_hash(text.as_bytes()).into();
        let path = self.folder.join(name);
        write(&path, text)?;
        self.keep_runtime("context.json", &Value::Object(context))?;
        Ok(path)
    }

    /// Between a document and what is known of it there is a moment in which another would take it for changed.
    fn lock(&self) -> Result<File, PlanningError> {
        let failed = |error| PlanningError::document(&self.folder, error);
        let folder = File::open(&self.folder).map_err(failed)?;
        folder.lock().map_err(failed)?;
        Ok(folder)
    }

    /// Writes a file of `_runtime`.
    pub(super) fn keep_runtime(&self, name: &str, value: &Value) -> Result<(), PlanningError> {
        write(&self.runtime(name), &format!("{value:#}\n"))
    }

    /// The specification that lies here; nothing where there is none.
    pub(super) fn specification(&self) -> Result<String, PlanningError> {
        let names = ["spec.md", "feature-spec.md"];
        let mut paths = names.iter().map(|name| self.folder.join(name));
        let path = paths.find(|path| path.is_file());
        path.map_or_else(|| Ok(String::new()), |path| read(&path))
    }

    fn context(&self) -> Result<Object, PlanningError> {
        let path = self.runtime("context.json");
        if !path.exists() {
            return Ok(Object::new());
        }
        let text = read(&path)?;
        serde_json::from_str(&text).map_err(|error| PlanningError::document(&path, error))
    }

    fn runtime(&self, name: &str) -> PathBuf {
        self.folder.join("_runtime").join(name)
    }
}

/// A file of the project: absolute, or below the project's folder.
pub(crate) fn inside(root: &Path, given: &str) -> Result<PathBuf, PlanningError> {
    let path = root.join(given);
    let found = fs::canonicalize(&path).map_err(|error| PlanningError::document(&path, error))?;
    if found.starts_with(root) {
        Ok(found)
    } else {
        Err(PlanningError::document(&path, OUTSIDE))
    }
}

/// Refuses a path that leads out of the project, as far as it is there.
pub(super) fn refuse_outside(root: &Path, path: &Path) -> Result<(), PlanningError> {
    let there = path
        .ancestors()
        .find(|part| part.symlink_metadata().is_ok());
    let there = there.unwrap_or(path);
    let found = fs::canonicalize(there).map_err(|error| PlanningError::document(there, error))?;
    if found.starts_with(root) {
        Ok(())
    } else {
        Err(PlanningError::document(path, OUTSIDE))
    }
}

const OUTSIDE: &str = "it leads out of the project";

/// A document's text.
pub(super) fn read(path: &Path) -> Result<String, PlanningError> {
    let bad = |problem: &str| PlanningError::document(path, problem);
    let bytes = read_file(path, LONGEST).map_err(|error| bad(&error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| bad("it is no text in UTF-8"))?;
    if text.trim().is_empty() {
        Err(bad("it is empty"))
    } else {
        Ok(text)
    }
}

fn write(path: &Path, text: &str) -> Result<(), PlanningError> {
    write_whole(path, text.as_bytes()).map_err(|error| PlanningError::document(path, error))
}
