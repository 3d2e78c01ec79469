//! Work in git, with real repositories.
//!
//! Always so: each test has a repository of its own, and looks at the user's checkout afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

mod changes;
mod ends;
mod files;
mod leftovers;
mod nested_repositories;
mod removed;
mod shared;
mod surroundings;
mod turns;

/// A user's checkout, with a commit on `main`.
struct Project {
    kept: tempfile::TempDir,
    options: Options,
    place: Place,
}

impl Project {
    fn named(folder: &str) -> Self {
        let kept = tempfile::tempdir().unwrap();
        let checkout = kept.path().join(folder);
        fs::create_dir(&checkout).unwrap();
        git(&checkout, &["init", "--quiet", "--initial-branch=main"]);
        fs::write(checkout.join("shared.txt"), "as it was\n").unwrap();
        git(&checkout, &["add", "."]);
        git(&checkout, &["commit", "--quiet", "-m", "One"]);
        let place = Place {
            folder: Some(checkout),
            protocol_run_id: 7,
            protocol_name: "0001 démo".to_owned(),
            protocol_root: None,
            base_branch: "main".to_owned(),
            branch: None,
            origin: None,
            is_clone: false,
        };
        Self {
            kept,
            options: Options::default(),
            place,
        }
    }

    fn new() -> Self {
        Self::named("my prøject")
    }

    fn checkout(&self) -> &Path {
        self.place.folder.as_deref().unwrap()
    }

    fn open(&self, work: &str) -> Workspace {
        open(&self.place, work, &self.options).unwrap()
    }

    /// Does a whole step that writes a file.
    fn step(&self, work: &str, file: &str, text: &str) -> Workspace {
        let workspace = self.open(work);
        write(&workspace, file, text);
        workspace.settle(&workspace.work()).unwrap();
        workspace
    }

    /// The first worktree.
    fn published(&self) -> PathBuf {
        let branch = Branch::find(&self.place, &self.options);
        branch.unwrap().unwrap().folder(0)
    }

    fn on_branch(&self, file: &str) -> String {
        let name = format!("{BRANCH}:{file}");
        git(self.checkout(), &["show", &name])
    }

    fn subjects(&self) -> Vec<String> {
        let log = git(
            self.checkout(),
            &["log", "--topo-order", "--format=%s", BRANCH],
        );
        log.lines().map(str::to_owned).collect()
    }

    fn status(&self) -> String {
        git(self.checkout(), &["status", "--porcelain"])
    }
}

const BRANCH: &str = "millwright/7-0001-démo";

fn git(folder: &Path, words: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.invalid"])
        .args(["-c", "protocol.file.allow=always"])
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "git {words:?}: {said}");
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

fn write(workspace: &Workspace, file: &str, text: &str) {
    let path = workspace.folder().unwrap().join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

impl Workspace {
    fn work(&self) -> String {
        let held = self.held.as_ref();
        held.map_or_else(String::new, |held| held.work.name().to_owned())
    }
}

fn read(workspace: &Workspace, file: &str) -> Option<String> {
    fs::read_to_string(workspace.folder().unwrap().join(file)).ok()
}
