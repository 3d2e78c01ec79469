//! CodeMachine workspaces: those of `tests/data/codemachine`, and such as a test makes.
//!
//! Always so: one that a test makes has an agent `a` with a prompt, until the test says otherwise.

use std::fs;
use std::path::{Path, PathBuf};

use millwright::spec::codemachine::import;
use millwright::spec::validate;
use millwright_core::protocol::SpecContext;
use millwright_core::protocol::import::codemachine::Imported;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) fn kept(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/data/codemachine").join(name)
}

pub(crate) fn imported(name: &str) -> Imported {
    let imported = import(&kept(name), None, None).unwrap();
    validate(&imported.spec, &SpecContext::default()).unwrap();
    imported
}

/// A workspace that is made for one test, of an agent `a` with a prompt.
pub(crate) struct Workspace(TempDir);

impl Workspace {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self(folder).with("prompts/a.md", "Do it.").with(
            "config/main.agents.js",
            "module.exports = [{id: 'a', promptPath: 'prompts/a.md'}];",
        )
    }

    /// One whose main agents are this program.
    pub(crate) fn of_agents(program: &str) -> Self {
        Self::new().with("config/main.agents.js", program)
    }

    pub(crate) fn with(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap()
    }

    pub(crate) fn imported(&self) -> Imported {
        import(self.0.path(), None, None).unwrap()
    }

    pub(crate) fn steps(&self) -> Vec<Value> {
        self.imported().spec["steps"].as_array().unwrap().clone()
    }

    /// What is wrong with it, without the folder's name.
    pub(crate) fn refused(&self) -> String {
        let error = import(self.0.path(), None, None).unwrap_err().to_string();
        error.replace(&self.path().display().to_string(), "…")
    }
}
