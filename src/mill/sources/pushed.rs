//! Flows where Windmill's own command line has them: a folder with `flow.yaml` and the scripts inside it.
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
    Some(read(&folder))
}

fn read(folder: &Path) -> Result<Flow, MillError> {
    let file = folder.join("flow.yaml");
    let mut value = yaml(&file)?;
    include(&mut value, folder)?;
    Flow::from_value(value).map_err(|error| MillError::NotAFlow { file, error })
}

/// What a YAML file holds.
pub(super) fn yaml(file: &Path) -> Result<Value, MillError> {
    serde_saphyr::from_str(&text_of(file)?).map_err(|error| MillError::BadFile {
        file: file.to_owned(),
        reason: format!("no YAML: {error}"),
    })
}

/// Puts texts in the place of the names of their files.
fn include(value: &mut Value, folder: &Path) -> Result<(), MillError> {
    match value {
        Value::String(text) => {
            if let Some(name) = text.strip_prefix(INLINE) {
                *text = text_of(&inside(folder, name.trim())?)?;
            }
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| include(item, folder)),
        Value::Object(fields) => fields
            .values_mut()
            .try_for_each(|field| include(field, folder)),
        _ => Ok(()),
    }
}

fn inside(folder: &Path, name: &str) -> Result<PathBuf, MillError> {
    let file = Path::new(name);
    let is_inside = file
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if is_inside {
        return Ok(folder.join(file));
    }
    Err(MillError::BadFile {
        file: folder.join("flow.yaml"),
        reason: format!("{INLINE}{name} leads out of the flow's folder"),
    })
}

fn text_of(file: &Path) -> Result<String, MillError> {
    fs::read_to_string(file).map_err(|error| MillError::Unreadable {
        file: file.to_owned(),
        reason: error.to_string(),
    })
}
