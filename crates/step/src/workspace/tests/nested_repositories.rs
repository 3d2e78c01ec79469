//! Repositories that are inside of a worktree.
//!
//! Always so: what only they hold is still there, and no step is told that it is done.

use super::*;

/// Makes a repository with a commit, as programs that set up an application do.
fn set_up(folder: &Path) -> String {
    fs::create_dir_all(folder).unwrap();
    git(folder, &["init", "--quiet"]);
    fs::write(folder.join("main.txt"), "made").unwrap();
    git(folder, &["add", "."]);
    git(folder, &["commit", "--quiet", "-m", "Application"]);
    git(folder, &["rev-parse", "HEAD"])
}

fn refused(workspace: &Workspace, folder: &str) {
    let error = workspace.settle("01").unwrap_err();
    assert_eq!(error.kind(), "SubmoduleChanged");
    assert!(error.to_string().contains(folder), "{error}");
}

fn end(project: &Project) {
    retire::retire(&project.place, &project.options).unwrap();
}

#[test]
fn a_repository_that_a_step_made_is_refused_and_stays() {
    let project = Project::new();
    let workspace = project.open("01");
    let app = workspace.folder().unwrap().join("parts/app");
    let commit = set_up(&app);
    refused(&workspace, "in parts/app:");
    // Also where the step has committed it itself.
    git(workspace.folder().unwrap(), &["add", "parts/app"]);
    let words = ["commit", "--quiet", "-m", "Application"];
    git(workspace.folder().unwrap(), &words);
    refused(&workspace, "in parts/app:");
    drop(workspace);
    end(&project);
    assert_eq!(git(&app, &["rev-parse", "HEAD"]), commit);
    assert_eq!(project.subjects(), ["One"]);

    // Without a repository of its own, git would look at none of its files.
    fs::remove_dir_all(app.join(".git")).unwrap();
    let again = project.open("01");
    refused(&again, "in parts/app:");
    git(
        again.folder().unwrap(),
        &["rm", "--quiet", "--cached", "parts/app"],
    );
    again.settle("01").unwrap();
    assert_eq!(project.on_branch("parts/app/main.txt"), "made");
}

#[test]
fn a_repository_that_the_checkout_has_too_is_named_on_the_branch() {
    let project = Project::new();
    let workspace = project.open("01");
    let app = workspace.folder().unwrap().join("app");
    let commit = set_up(&app);
    let copy = project.checkout().join("app");
    let from = app.display().to_string();
    git(project.checkout(), &["clone", "--quiet", &from, "app"]);
    workspace.settle("01").unwrap();
    drop(workspace);
    assert_eq!(git(&copy, &["rev-parse", "HEAD"]), commit);
    assert!(git(project.checkout(), &["ls-tree", BRANCH, "app"]).contains(&commit));
    // What is on another branch of it counts as well.
    let again = project.open("01");
    git(&app, &["checkout", "--quiet", "-b", "other"]);
    git(&app, &["commit", "--quiet", "--allow-empty", "-m", "Other"]);
    git(&app, &["checkout", "--quiet", "--detach", &commit]);
    refused(&again, "in app:");
}

#[test]
fn a_submodule_that_was_moved_may_hold_what_the_checkout_has_and_no_more() {
    let project = Project::new();
    files::add_submodule(&project);
    let workspace = project.open("01");
    let folder = workspace.folder().unwrap().to_owned();
    git(&folder, &["mv", "parts/lib", "parts/libs"]);
    workspace.settle("01").unwrap();
    drop(workspace);
    let again = project.open("02");
    git(&folder, &["mv", "parts/libs", "lib"]);
    fs::write(folder.join("lib/lib.txt"), "changed").unwrap();
    refused(&again, "in lib:");
    git(
        &folder.join("lib"),
        &["commit", "--quiet", "--all", "-m", "Mine"],
    );
    refused(&again, "in lib:");
    drop(again);
    end(&project);
    assert_eq!(
        fs::read_to_string(folder.join("lib/lib.txt")).unwrap(),
        "changed"
    );
}
