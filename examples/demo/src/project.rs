//! The small git project that the demo works on.
//!
//! Always so: what it holds stands as files in `project/`, and those in `codex/` come in their place where Codex works;
//! both are embedded in this program.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::Engine;

/// The protocol's name.
pub(crate) const PROTOCOL: &str = "0001-greeting";
const SPEC: &str = ".protocols/0001-greeting/protocol.json";

type File = (&'static str, &'static str);

macro_rules! files {
    ($folder:literal: $($path:literal),* $(,)?) => {
        [$(($path, include_str!(concat!("../", $folder, "/", $path)))),*]
    };
}

const FILES: [File; 8] = files![
    "project":
    "README.md",
    "test.sh",
    "prompts/tests-pass.sh",
    ".protocols/0001-greeting/protocol.json",
    ".protocols/0001-greeting/00-setup.sh",
    ".protocols/0001-greeting/01-implement.sh",
    ".protocols/0001-greeting/02-test.sh",
    ".protocols/0001-greeting/03-release-notes.sh",
];

/// What is another way where Codex works.
const WITH_CODEX: [File; 4] = files![
    "codex":
    "prompts/tests-pass.md",
    "agents/release-notes.md",
    ".protocols/0001-greeting/protocol.json",
    ".protocols/0001-greeting/01-implement.md",
];

/// Makes the project in a folder, commits it, and gives its path.
pub(crate) fn create(folder: &Path, engine: Engine) -> anyhow::Result<PathBuf> {
    let workspace = folder.join("greeting");
    for (path, text) in FILES.iter().chain(instead(engine)) {
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
pub(crate) fn protocol_spec(workspace: &Path) -> anyhow::Result<Value> {
    let text = fs::read_to_string(workspace.join(SPEC))?;
    Ok(serde_json::from_str(&text)?)
}

/// The protocol's branch, its newest commit first.
pub(crate) fn branch(workspace: &Path, protocol: i64) -> anyhow::Result<(String, String)> {
    let branch = format!("millwright/{protocol}-{PROTOCOL}");
    let range = format!("main..{branch}");
    let log = Command::new("git")
        .arg("-C")
        .arg(workspace)
        .args([
            "log",
            "--first-parent",
            "--format=  %h %s",
            "--stat",
            &range,
        ])
        .output()
        .context("cannot start git")?;
    ensure!(log.status.success(), "there is no branch {branch}");
    Ok((branch, String::from_utf8_lossy(&log.stdout).into_owned()))
}

fn instead(engine: Engine) -> &'static [File] {
    match engine {
        Engine::Shell => &[],
        Engine::Codex => &WITH_CODEX,
    }
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
