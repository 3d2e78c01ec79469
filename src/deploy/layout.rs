//! Where each generated file lies: in this repository, and for the official command line.
//!
//! Always so: both layouts hold the same flows and scripts.

use std::path::Path;

use millwright_core::catalog::{GENERATED, ScriptInfo, scripts};
use serde::Serialize;
use serde_json::{Value, json};

use super::GeneratedFiles;
use super::packaging::{self, Choice, PackagingError};
use crate::embedded;

/// Where generated files lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Layout {
    /// `flows/devgodzilla/<flow>.flow.json` and `scripts/devgodzilla/<script>.sh`.
    #[default]
    Repository,
    /// What `wmill sync push` takes.
    Wmill,
}

/// Pushes our folders and nothing else, so that a push removes nothing that is not ours.
const WMILL_YAML: &str = "\
defaultTs: bun
includes:
  - u/devgodzilla/**
  - f/devgodzilla/**
excludes: []
skipVariables: true
skipResources: true
skipResourceTypes: true
skipSecrets: true
skipApps: true
nonDottedPaths: true
syncBehavior: v1
codebases: []
";

/// What Windmill writes down for a script in TypeScript that installs nothing. With it there is nothing to find out after a push, and
/// the next push finds what it left.
const NOTHING_INSTALLED: &str = "{\n  \"dependencies\": {}\n}\n//bun.lock\n<empty>";

impl Layout {
    /// Every file of the layout, with its text, each script in the packaging that is chosen for it; for workers, one that needs
    /// nothing there where none is.
    ///
    /// # Errors
    /// When a script cannot have its packaging.
    pub fn files(self, choices: &[Choice]) -> Result<GeneratedFiles, PackagingError> {
        packaging::refuse_unknown(choices)?;
        match self {
            Self::Repository => repository(choices),
            Self::Wmill => wmill(&packaging::for_workers(choices)),
        }
    }
}

fn repository(choices: &[Choice]) -> Result<GeneratedFiles, PackagingError> {
    let mut files = GeneratedFiles::new(&["flows/devgodzilla", "scripts/devgodzilla"]);
    for flow in embedded::flow_definitions() {
        files.add(flow.file(), flow.text());
    }
    for script in scripts::all() {
        add_script(&mut files, &script.file(), &script, choices)?;
    }
    Ok(files)
}

fn wmill(choices: &[Choice]) -> Result<GeneratedFiles, PackagingError> {
    let mut files = GeneratedFiles::new(&["f/devgodzilla", "u/devgodzilla"]);
    files.know(NOTHING_INSTALLED);
    files.add("wmill.yaml", marked(WMILL_YAML));
    let folder =
        json!({"summary": null, "display_name": "devgodzilla", "owners": [], "extra_perms": {}});
    files.add("f/devgodzilla/folder.meta.yaml", yaml(&folder));
    for flow in embedded::flow_definitions() {
        let path = format!("{}__flow/flow.yaml", flow.path);
        files.add(path, yaml(&flow.flow.to_value()));
    }
    for script in scripts::all() {
        let path = format!("{}.sh", script.path);
        add_script(&mut files, &path, &script, choices)?;
    }
    Ok(files)
}

fn add_script(
    files: &mut GeneratedFiles,
    path: &str,
    script: &ScriptInfo,
    choices: &[Choice],
) -> Result<(), PackagingError> {
    let packaged = packaging::package(script, choices)?;
    let path = Path::new(path);
    let mut metadata = script.metadata();
    if packaged.ending == "ts" {
        let lock = path.with_extension("script.lock");
        metadata["lock"] = format!("!inline {}", lock.display()).into();
        files.add(lock, NOTHING_INSTALLED.to_owned());
    }
    files.add(path.with_extension(packaged.ending), packaged.text);
    files.add(path.with_extension("script.yaml"), yaml(&metadata));
    Ok(())
}

fn yaml(value: &Value) -> String {
    marked(&to_yaml(value))
}

fn marked(text: &str) -> String {
    format!("# {GENERATED}\n{text}")
}

pub(super) fn to_yaml(value: &impl Serialize) -> String {
    serde_saphyr::to_string(value).expect("a JSON value can be printed as YAML")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_says_what_json_says() {
        for flow in embedded::flow_definitions() {
            let value = flow.flow.to_value();
            let back: Value = serde_saphyr::from_str(&to_yaml(&value)).unwrap();
            assert_eq!(back, value, "{}", flow.path);
        }
    }

    #[test]
    fn every_generated_file_says_so() {
        for layout in [Layout::Repository, Layout::Wmill] {
            let chosen = ["path".parse().unwrap()];
            for (path, text) in layout.files(&chosen).unwrap().iter() {
                assert!(text.contains(GENERATED), "{}", path.display());
            }
        }
    }
}
