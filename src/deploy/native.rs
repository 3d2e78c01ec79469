//! The `native` packaging: bash that finds the step executable on the worker, or fetches it.
//!
//! Always so: what was fetched is compared with the hash in the script before it is ever executed.

use millwright_core::catalog::{GENERATED, ScriptInfo};

use crate::executable::Executable;

/// Finds the executable: `find_step <version> <sha256>` sets `step`.
const FIND: &str = include_str!("find_step.sh");

/// The script's text, for an executable.
pub(super) fn script(script: &ScriptInfo, executable: &Executable) -> String {
    let Executable { version, sha256 } = executable;
    let before = format!("\n{FIND}\nfind_step '{version}' {sha256}\n");
    script.bash_with(GENERATED, &before, "\"$step\"")
}
