//! What is to be run: a path, a bare name, or a file.
//!
//! Always so: what looks like a file is read as one, and what is found says nothing about what else has that name.

use std::path::Path;

use millwright_core::openflow::Flow;
use serde_json::Value;

use crate::cli::{CommandError, Exit};
use crate::mill::Sources;

/// What is to be run.
pub(super) enum Target {
    /// The script at a path, with the schema of its arguments where it has one.
    Script { path: String, schema: Option<Value> },
    /// A flow, with its path where it has one.
    Flow {
        path: Option<String>,
        flow: Box<Flow>,
    },
}

impl Target {
    pub(super) fn find(name: &str, sources: &Sources) -> Result<Self, CommandError> {
        if name.starts_with("u/") {
            return Ok(Self::Script {
                path: name.to_owned(),
                schema: sources.schema_of_script(name)?,
            });
        }
        if is_file(name) {
            return Ok(Self::Flow {
                path: None,
                flow: Box::new(Sources::flow_in(Path::new(name))?),
            });
        }
        let path = if name.contains('/') {
            Some(name.to_owned())
        } else {
            sources.flow_named(name)
        };
        let path = path.ok_or_else(|| {
            let message = format!(
                "there is no flow {name:?}: `millwright flows list` lists ours; a project's own is flows/FOLDER/{name}.flow.json"
            );
            CommandError::new(Exit::BadInput, message)
        })?;
        let flow = Box::new(sources.flow(&path)?);
        Ok(Self::Flow {
            path: Some(path),
            flow,
        })
    }

    /// The JSON Schema of the inputs, where there is one.
    pub(super) fn schema(&self) -> Option<&Value> {
        match self {
            Self::Script { schema, .. } => schema.as_ref(),
            Self::Flow { flow, .. } => flow.schema.as_ref(),
        }
    }
}

/// Whether it looks like a file.
pub(super) fn is_file(name: &str) -> bool {
    let extension = Path::new(name).extension();
    ["json", "yaml", "yml"]
        .iter()
        .any(|known| extension.is_some_and(|own| own == *known))
}
