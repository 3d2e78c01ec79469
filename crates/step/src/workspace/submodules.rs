//! Submodules, brought to a worktree.
//!
//! Always so: they come from the user's own copies, and nothing is asked of the network.

use super::WorkspaceError;
use super::branch::Branch;
use super::slot::Slot;

/// Checks out the submodules that the user's checkout has.
pub(super) fn bring(branch: &Branch, slot: &Slot) -> Result<(), WorkspaceError> {
    let words = [
        "config",
        "--file",
        ".gitmodules",
        "-z",
        "--get-regexp",
        r"^submodule\..*\.path$",
    ];
    if !slot.folder().join(".gitmodules").is_file() {
        return Ok(());
    }
    let listed = slot.git.find(&words)?.unwrap_or_default();
    for (key, path) in listed.split('\0').filter_map(|line| line.split_once('\n')) {
        let name = key
            .strip_prefix("submodule.")
            .and_then(|key| key.strip_suffix(".path"));
        let copy = branch.checkout.join(path);
        let (Some(name), true) = (name, copy.join(".git").exists()) else {
            continue;
        };
        let url = format!("submodule.{name}.url={}", copy.display());
        slot.git.run(&[
            "-c",
            "protocol.file.allow=always",
            "-c",
            &url,
            "submodule",
            "--quiet",
            "update",
            "--init",
            "--",
            path,
        ])?;
    }
    Ok(())
}
