//! What is known of scripts: what they yield, and whether calling one twice does no more than calling it once.
//!
//! Always so: of a script that is not in the catalog nothing is taken for granted.

use std::collections::HashMap;
use std::sync::LazyLock;

use millwright_core::catalog::scripts;
use serde_json::Value;

/// The script that registers a run.
pub(super) const REGISTERS: &str = "u/devgodzilla/emit_tasksgodzilla_codex_refs";
/// The script that closes one.
pub(super) const CLOSES: &str = "u/devgodzilla/finish_tasksgodzilla_codex_run";

/// What is known of a script.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// The JSON Schema of its result.
    pub(super) output: Value,
    /// Whether it may be called again.
    pub(super) idempotent: bool,
}

static CATALOG: LazyLock<HashMap<String, Known>> = LazyLock::new(|| {
    let all = scripts::all().into_iter();
    let known = all.map(|script| {
        let known = Known {
            output: script.output_schema,
            idempotent: script.idempotent,
        };
        (script.path, known)
    });
    known.collect()
});

/// What is known of the script at a path.
pub(super) fn known(path: &str) -> Option<&'static Known> {
    CATALOG.get(path)
}
