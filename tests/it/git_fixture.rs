//! Git, for tests: a command in a folder, with an author of its own.
//!
//! Always so: a command that fails ends the test with what git said.

use std::path::Path;
use std::process::Command;

/// Runs git and gives what it printed.
pub(crate) fn git(folder: &Path, words: &[&str]) -> String {
    let who = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"];
    let output = Command::new("git")
        .args(who)
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {words:?}: {said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Makes a folder a repository with all that is in it committed on `main`.
pub(crate) fn commit_all(folder: &Path) {
    git(folder, &["init", "--quiet", "--initial-branch=main"]);
    git(folder, &["add", "."]);
    git(folder, &["commit", "--quiet", "-m", "One"]);
}
