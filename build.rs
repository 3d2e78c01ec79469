//! Stamps the version with the commit that was built.
//!
//! Always so: without git, or in a debug build, the version alone is stamped, and nothing is built anew for a commit.

use std::env;
use std::process::Command;

fn main() {
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = if release { commit() } else { None };
    let stamp = commit.map_or(version.clone(), |commit| format!("{version} ({commit})"));
    println!("cargo::rustc-env=MILLWRIGHT_VERSION={stamp}");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=MILLWRIGHT_COMMIT");
}

/// The commit that a packager names, else git's.
fn commit() -> Option<String> {
    if let Ok(named) = env::var("MILLWRIGHT_COMMIT") {
        return Some(named);
    }
    let logs = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    println!("cargo::rerun-if-changed={logs}");
    git(&["show", "--no-patch", "--format=%h %cs", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}
