//! The small git project that the demo works on.
//!
//! Always so: what it holds stands as files in `project/`, embedded in this program.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

/// The protocol's name.
pub(crate) const PROTOCOL: &str = "0001-greeting";
const SPEC: &str = include_str!("../project/.protocols/0001-greeting/protocol.json");

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        [$(($path, include_str!(concat!("../project/", $path)))),*]
    };
}

const FILES: [(&str, &str); 8] = files![
    "README.md",
    "test.sh",
    "prompts/tests-pass.sh",
    ".protocols/0001-greeting/protocol.json",
    ".protocols/0001-greeting/00-setup.sh",
    ".protocols/0001-greeting/01-implement.sh",
    ".protocols/0001-greeting/02-test.sh",
    ".protocols/0001-greeting/03-release-notes.sh",
];

/// Makes the project in a folder, commits it, and gives its path.
pub(crate) fn create(folder: &Path) -> anyhow::Result<PathBuf> {
    let workspace = folder.join("greeting");
    for (path, text) in FILES {
        write(&workspace.join(path), text)?;
    }
    git(&workspace, &["init", "--quiet", "--initial-branch", "main"])?;
    git(&workspace, &["add", "--all"])?;
    let identity = [
        "-c",
        "user.name=demo",
        "-c",
        "user.email=demo@example.invalid",
    ];
    git(
        &workspace,
        &[
            &identity[..],
            &["commit", "--quiet", "-m", "A project without a greeting"],
        ]
        .concat(),
    )?;
    Ok(workspace)
}

/// The protocol's spec.
pub(crate) fn protocol_spec() -> anyhow::Result<Value> {
    Ok(serde_json::from_str(SPEC)?)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::create_dir_all(path.parent().context("a file in a folder")?)?;
    fs::write(path, text)?;
    if path.extension().is_some_and(|extension| extension == "sh") {
        fs::set_permissions(path, Permissions::from_mode(0o755))?;
    }
    Ok(())
}

fn git(workspace: &Path, args: &[&str]) -> anyhow::Result<()> {
    let status = Command::new("git")
        .arg("-C")
        .arg(workspace)
        .args(args)
        .status();
    ensure!(
        status.context("cannot start git")?.success(),
        "git {} failed",
        args[0]
    );
    Ok(())
}
