//! Flows in files: anywhere, or where Windmill's own command line has them, in a folder with the scripts inside it.
//!
//! Always so: a script that a flow names by `!inline` lies inside the flow's own folder.

use std::fs;
use std::path::{Component, Path, PathBuf};

use millwright_core::openflow::Flow;
use serde_json::Value;

use crate::mill::MillError;

/// How a flow names the file that holds a script's text.
const INLINE: &str = "!inline ";

/// The flow at a path; `None` where there is none.
pub(super) fn flow(root: &Path, path: &str) -> Option<Result<Flow, MillError>> {
    let folders = [format!("{path}.flow"), format!("{path}__flow")];
    let mut folders = folders.iter().map(|folder| root.join(folder));
    let folder = folders.find(|folder| folder.join("flow.yaml").is_file())?;
    Some(read(&folder.join("flow.yaml")))
}

/// The flow in a file of JSON or YAML. With YAML, texts such as `!inline script.py` stand for files beside it.
pub(super) fn read(file: &Path) -> Result<Flow, MillError> {
    let is_json = file
        .extension()
        .is_some_and(|extension| extension == "json");
    let value = if is_json {
        let text = text_of(file)?;
        serde_json::from_str(&text).map_err(|error| unreadable(file, "no JSON", &error))?
    } else {
        let mut value = yaml(file)?;
        include(&mut value, file)?;
        value
    };
    Flow::from_value(value).map_err(|error| MillError::NotAFlow {
        file: file.to_owned(),
        error,
    })
}

/// What a YAML file holds.
pub(super) fn yaml(file: &Path) -> Result<Value, MillError> {
    serde_saphyr::from_str(&text_of(file)?).map_err(|error| unreadable(file, "no YAML", &error))
}

/// Puts texts in the place of the names of their files.
fn include(value: &mut Value, flow: &Path) -> Result<(), MillError> {
    match value {
        Value::String(text) => {
            if let Some(name) = text.strip_prefix(INLINE) {
                *text = text_of(&beside(flow, name.trim())?)?;
            }
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| include(item, flow)),
        Value::Object(fields) => fields
            .values_mut()
            .try_for_each(|field| include(field, flow)),
        _ => Ok(()),
    }
}

fn beside(flow: &Path, name: &str) -> Result<PathBuf, MillError> {
    let is_inside = Path::new(name)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if is_inside {
        return Ok(flow.with_file_name(name));
    }
    Err(MillError::BadFile {
        file: flow.to_owned(),
        reason: format!("{INLINE}{name} leads out of the flow's folder"),
    })
}

fn unreadable(file: &Path, what: &str, error: &dyn std::fmt::Display) -> MillError {
    MillError::Unreadable {
        file: file.to_owned(),
        reason: format!("{what}: {error}"),
    }
}

fn text_of(file: &Path) -> Result<String, MillError> {
    fs::read_to_string(file).map_err(|error| MillError::Unreadable {
        file: file.to_owned(),
        reason: error.to_string(),
    })
}
