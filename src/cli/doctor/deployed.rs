//! How the deployed scripts come to the step executable.
//!
//! Always so: it is read from the workspace, whatever this machine would deploy.

use serde_json::Value;

use super::check::in_time;
use crate::deploy::Place;
use crate::windmill::{Client, ItemKind, ItemPath};

/// A script that needs processes, so that it is never WebAssembly.
const SCRIPT: &str = "execute_step";

/// How the deployed scripts that need processes come to the step executable.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Deployed {
    /// They call it from the PATH.
    Path,
    /// They find it, or fetch it; the text of one.
    Native(String),
    /// There are none, or none of ours, or they cannot be read.
    Unknown,
}

impl Deployed {
    /// Reads one of them.
    pub(super) async fn read(client: &Client, place: &Place) -> Self {
        let path = format!("{}{SCRIPT}", place.beginning(ItemKind::Script));
        let path: ItemPath = path.parse().expect("a place's paths are plain");
        match in_time(client.item(ItemKind::Script, &path)).await {
            Ok(Some(script)) => Self::of(&script),
            _ => Self::Unknown,
        }
    }

    fn of(script: &Value) -> Self {
        let text = script["content"].as_str().unwrap_or_default();
        if text.contains("\nfind_step '") {
            Self::Native(text.to_owned())
        } else if text.contains("\nexec millwright-step ") {
            Self::Path
        } else {
            Self::Unknown
        }
    }

    /// Whether they take the executable of this version where it is on the PATH.
    pub(super) fn names(&self, version: &str) -> bool {
        matches!(self, Self::Native(text) if text.contains(&format!("find_step '{version}'")))
    }
}
