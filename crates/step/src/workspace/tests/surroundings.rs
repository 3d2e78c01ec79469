//! The user's checkout, hooks, branches and variables.
//!
//! Always so: the user's own checkout stays as it is.

use super::*;

#[test]
fn a_dirty_checkout_stays_as_it_is() {
    let project = Project::new();
    fs::write(project.checkout().join("shared.txt"), "being changed").unwrap();
    fs::write(project.checkout().join("new.txt"), "new").unwrap();
    git(project.checkout(), &["add", "new.txt"]);
    let before = project.status();
    drop(project.step("01", "shared.txt", "changed by a step"));
    assert_eq!(project.status(), before);
    assert_eq!(project.on_branch("shared.txt"), "changed by a step");
    assert_eq!(
        git(project.checkout(), &["symbolic-ref", "--short", "HEAD"]),
        "main"
    );
    let text = fs::read_to_string(project.checkout().join("shared.txt")).unwrap();
    assert_eq!(text, "being changed");
}

#[test]
fn hooks_of_the_user_do_not_run() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::new();
    for name in [
        "pre-commit",
        "post-checkout",
        "reference-transaction",
        "post-merge",
    ] {
        let hook = project.checkout().join(".git/hooks").join(name);
        fs::write(&hook, "#!/bin/sh\nexit 1\n").unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    }
    drop(project.step("01", "a.txt", "a"));
    assert_eq!(project.on_branch("a.txt"), "a");
}

#[test]
fn a_branch_that_the_user_is_on_is_not_worked_on() {
    let mut project = Project::new();
    project.place.branch = Some("main".to_owned());
    let error = open(&project.place, "01", &project.options).unwrap_err();
    assert_eq!(error.kind(), "BranchInUse");
    project.place.branch = Some("--force".to_owned());
    let error = open(&project.place, "01", &project.options).unwrap_err();
    assert!(
        error.to_string().contains("begins with a hyphen"),
        "{error}"
    );
}

#[test]
fn without_git_or_a_commit_work_is_done_in_the_folder_itself() {
    let kept = tempfile::tempdir().unwrap();
    let place = Place {
        folder: Some(kept.path().to_owned()),
        ..Project::new().place
    };
    let plain = || open(&place, "01", &Options::default()).unwrap();
    assert_eq!(plain().folder(), Some(kept.path()));
    git(kept.path(), &["init", "--quiet", "--initial-branch=main"]);
    assert_eq!(plain().folder(), Some(kept.path()));
    let mut project = Project::new();
    project.options = Options::read(|name| (name == "MILLWRIGHT_GIT").then(|| "off".to_owned()));
    let workspace = project.step("01", "a.txt", "a");
    assert_eq!(workspace.folder(), Some(project.checkout()));
    assert_eq!(project.status(), "?? a.txt");
}

#[test]
fn the_environment_says_where_worktrees_are_and_whether_a_branch_is_shared() {
    let mut project = Project::new();
    let folder = project.kept.path().join("elsewhere");
    let text = folder.display().to_string();
    project.options = Options::read(|name| match name {
        "MILLWRIGHT_WORKTREES" => Some(text.clone()),
        "TASKSGODZILLA_SINGLE_WORKTREE" => Some("true".to_owned()),
        _ => None,
    });
    let workspace = project.step("01", "a.txt", "a");
    assert!(
        workspace
            .folder()
            .unwrap()
            .starts_with(fs::canonicalize(&folder).unwrap())
    );
    let shown = git(
        project.checkout(),
        &["show", "tasksgodzilla-worktree:a.txt"],
    );
    assert_eq!(shown, "a");
}
