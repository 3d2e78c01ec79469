//! `clone_repo` with real repositories.
//!
//! Always so: nothing beyond this machine is asked; each test has its own repository.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::git_fixture::git;
use crate::step::{Ended, Step, names, text};

/// A repository with one commit on `main`.
struct Origin(TempDir);

impl Origin {
    fn new() -> Self {
        let origin = Self(tempfile::tempdir().unwrap());
        fs::create_dir(origin.path()).unwrap();
        git(
            &origin.path(),
            &["init", "--quiet", "--initial-branch=main"],
        );
        origin.commit("one.txt");
        origin
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("demo.git")
    }

    fn commit(&self, file: &str) -> String {
        fs::write(self.path().join(file), file).unwrap();
        git(&self.path(), &["add", "."]);
        git(&self.path(), &["commit", "--quiet", "-m", file]);
        git(&self.path(), &["rev-parse", "HEAD"])
    }
}

fn clone(url: &str, branch: &str, target: &Path) -> Ended {
    Step::new(["clone_repo", url, branch, &text(target)])
        .in_a_job()
        .run()
}

#[test]
fn a_repository_is_cloned_and_later_brought_up_to_date() {
    let (origin, home) = (Origin::new(), tempfile::tempdir().unwrap());
    let (url, target) = (text(&origin.path()), home.path().join("a/demo"));
    let first = clone(&url, "main", &target).exits(0).result();
    assert_eq!(
        (&first["repo_name"], &first["branch"]),
        (&"demo".into(), &"main".into())
    );
    assert_eq!(first["path"], text(&target));

    let commit = origin.commit("two.txt");
    fs::write(target.join("mine.txt"), "mine").unwrap();
    assert_eq!(
        clone(&url, "main", &target).exits(0).result()["commit"],
        commit
    );
    assert!(target.join("two.txt").exists() && target.join("mine.txt").exists());
    assert_eq!(
        names(target.parent().unwrap()),
        ["demo"],
        "no draft stays behind"
    );
}

#[test]
fn local_work_is_never_destroyed() {
    let (origin, home) = (Origin::new(), tempfile::tempdir().unwrap());
    let (url, target) = (text(&origin.path()), home.path().join("demo"));
    clone(&url, "main", &target).exits(0);
    fs::write(target.join("one.txt"), "changed here").unwrap();
    fs::write(origin.path().join("one.txt"), "changed there").unwrap();
    origin.commit("two.txt");
    let ended = clone(&url, "main", &target).exits(1);
    assert!(
        ended.stderr.contains("cannot be fast-forwarded"),
        "{}",
        ended.stderr
    );
    assert_eq!(
        fs::read_to_string(target.join("one.txt")).unwrap(),
        "changed here"
    );

    let other = Origin::new();
    let ended = clone(&text(&other.path()), "main", &target).exits(1);
    assert!(
        ended
            .stderr
            .contains("is a checkout of another repository; it is left as it is"),
        "{}",
        ended.stderr
    );
    git(&target, &["checkout", "--quiet", "-b", "mine"]);
    let ended = clone(&url, "main", &target).exits(1);
    assert!(
        ended.stderr.contains("is not on branch main"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_folder_with_something_else_is_left_alone() {
    let (origin, home) = (Origin::new(), tempfile::tempdir().unwrap());
    fs::write(home.path().join("notes.txt"), "mine").unwrap();
    let ended = clone(&text(&origin.path()), "main", home.path()).exits(1);
    assert!(
        ended.stderr.contains("holds files and is no git checkout"),
        "{}",
        ended.stderr
    );
    assert_eq!(names(home.path()), ["notes.txt"]);
}

#[test]
fn a_failed_clone_fails_the_job_and_leaves_nothing() {
    let (origin, home) = (Origin::new(), tempfile::tempdir().unwrap());
    let ended = clone(&text(&origin.path()), "nope", &home.path().join("demo")).exits(1);
    assert!(
        ended.result()["message"]
            .as_str()
            .unwrap()
            .contains("Remote branch nope not found"),
        "{}",
        ended.stderr
    );
    assert!(names(home.path()).is_empty());
}

#[test]
fn a_secret_in_the_address_is_never_shown() {
    let home = tempfile::tempdir().unwrap();
    let ended = clone(
        "http://me:hush@127.0.0.1:1/demo.git",
        "main",
        &home.path().join("demo"),
    )
    .exits(1);
    assert!(
        ended.stderr.contains("git clone failed with 128"),
        "{}",
        ended.stderr
    );
    let said = format!("{}{}", ended.stderr, ended.result());
    assert!(!said.contains("hush") && !said.contains("me:"), "{said}");
}
