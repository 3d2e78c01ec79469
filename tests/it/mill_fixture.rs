//! A mill over a database and a project of its own.
//!
//! Always so: no two mills share a database or a folder, unless a test makes them of one fixture.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use millwright::mill::{JobEnd, Mill, MillError, MillOptions, Sources};
use millwright::store::{Store, StoreOptions};
use millwright_core::openflow::Flow;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::script_fixture::bun;

/// A project in a folder that is gone afterwards.
pub(crate) struct Fixture {
    folder: TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    /// Writes a flow of the project.
    pub(crate) fn flow(&self, path: &str, flow: &Value) {
        let name = path.strip_prefix("f/").expect("a flow's path");
        self.file(&format!("flows/{name}.flow.json"), &flow.to_string());
    }

    /// Writes a script of the project.
    pub(crate) fn script(&self, path: &str, text: &str) {
        let name = path.strip_prefix("u/").expect("a script's path");
        self.file(&format!("scripts/{name}.sh"), text);
    }

    /// Writes a file of the project and returns where it is.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(&file, text).expect("a file");
        file
    }

    /// An empty folder of the project.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    pub(crate) fn options(&self) -> MillOptions {
        MillOptions {
            folder: self.folder.path().join("jobs"),
            grace: Duration::from_millis(500),
            ..MillOptions::of_this_process(Sources::below(self.folder.path()))
        }
    }

    /// Options of a mill whose jobs find these programs, and those that every system has.
    pub(crate) fn options_with(&self, programs: &[&str]) -> MillOptions {
        let found = self.options_with_only(programs);
        let search = format!("{}:/usr/bin:/bin", self.folder("programs").display());
        found.with_variable("PATH", search)
    }

    /// Options of a mill whose jobs find these programs alone.
    pub(crate) fn options_with_only(&self, programs: &[&str]) -> MillOptions {
        let folder = self.folder("programs");
        for name in programs {
            symlink(program(name), folder.join(name)).expect("a link");
        }
        self.options()
            .with_variable("PATH", folder.to_string_lossy())
    }

    pub(crate) fn store(&self) -> Store {
        let options = StoreOptions {
            busy_timeout: Duration::from_millis(500),
            ..StoreOptions::file(self.database())
        };
        Store::open(&options).expect("a database")
    }

    /// The database's file.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("mill.db")
    }

    pub(crate) async fn mill(&self) -> Mill {
        self.mill_with(self.options()).await
    }

    pub(crate) async fn mill_with(&self, options: MillOptions) -> Mill {
        Mill::start(self.store(), options).await.expect("a mill")
    }
}

/// A program of this machine, or the bun that the tests bring.
fn program(name: &str) -> PathBuf {
    if name == "bun" {
        return bun();
    }
    let search = std::env::var_os("PATH").expect("a PATH");
    let mut files = std::env::split_paths(&search).map(|folder| folder.join(name));
    let found = files.find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{name} is not installed"))
}

/// Runs a flow's value to its end.
pub(crate) async fn run(mill: &Mill, value: &Value, args: &Value) -> JobEnd {
    let started = mill.run_flow(None, flow(value), object(args)).await;
    started
        .expect("a flow that runs")
        .wait()
        .await
        .expect("an end")
}

/// What the mill says of a flow that it does not run.
pub(crate) async fn refused(mill: &Mill, value: &Value) -> Vec<String> {
    match mill.run_flow(None, flow(value), Map::new()).await {
        Err(MillError::Refused(reasons)) => reasons,
        other => panic!("it was not refused: {other:?}"),
    }
}

pub(crate) fn flow(value: &Value) -> Flow {
    Flow::from_value(json!({ "value": value })).expect("a flow")
}

pub(crate) fn object(value: &Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

/// A step that runs a bash script.
pub(crate) fn bash(id: &str, text: &str) -> Value {
    bash_with(id, text, &json!({}))
}

/// A step that runs a bash script with arguments.
pub(crate) fn bash_with(id: &str, text: &str, transforms: &Value) -> Value {
    script_with(id, "bash", text, transforms)
}

/// A step that runs a script in a language with arguments.
pub(crate) fn script_with(id: &str, language: &str, text: &str, transforms: &Value) -> Value {
    json!({"id": id, "value": {
        "type": "rawscript", "language": language, "content": text, "input_transforms": transforms,
    }})
}

/// Transforms that give a step these values.
pub(crate) fn given(values: &Value) -> Value {
    let values = object(values).into_iter();
    let transforms = values.map(|(name, value)| (name, json!({"type": "static", "value": value})));
    Value::Object(transforms.collect())
}

/// A step that yields what an expression does.
pub(crate) fn yields(id: &str, expression: &str) -> Value {
    let expression = format!("JSON.stringify({expression})");
    let transforms = json!({"v": {"type": "javascript", "expr": expression}});
    bash_with(
        id,
        "v=\"$1\"\nprintf '%s' \"$v\" > result.json",
        &transforms,
    )
}
