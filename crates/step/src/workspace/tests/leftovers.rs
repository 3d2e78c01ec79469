//! What a step, a process or a person has left in a worktree.
//!
//! Always so: nothing of it is lost.

use super::*;

#[test]
fn what_a_killed_step_left_is_there_when_it_is_run_again() {
    let project = Project::new();
    let killed = project.open("01");
    write(&killed, "half.txt", "half");
    let private = git(
        killed.folder().unwrap(),
        &["rev-parse", "--absolute-git-dir"],
    );
    fs::write(Path::new(&private).join("index.lock"), "").unwrap();
    drop(killed);
    let again = project.open("01");
    assert_eq!(read(&again, "half.txt").as_deref(), Some("half"));
    again.settle(&again.work()).unwrap();
    assert_eq!(project.on_branch("half.txt"), "half");
}

#[test]
fn what_another_step_left_is_set_aside_on_a_branch() {
    let project = Project::new();
    let failed = project.open("01-fails");
    write(&failed, "half.txt", "half");
    drop(failed);
    let next = project.open("02");
    assert_eq!(read(&next, "half.txt"), None);
    let aside = format!("{BRANCH}--01-fails-unfinished:half.txt");
    assert_eq!(git(project.checkout(), &["show", &aside]), "half");
    next.settle(&next.work()).unwrap();
    assert_eq!(project.subjects(), ["One"]);
}

#[test]
fn what_a_person_mends_in_the_worktree_is_committed_with_the_next_step() {
    let project = Project::new();
    drop(project.step("01", "a.txt", "a"));
    fs::write(project.published().join("a.txt"), "mended").unwrap();
    drop(project.step("02", "b.txt", "b"));
    assert_eq!(project.on_branch("a.txt"), "mended");
    assert_eq!(project.subjects(), ["02", "01", "One"]);
}

#[test]
fn a_worktree_that_was_half_made_is_made_again() {
    let project = Project::new();
    drop(project.step("01", "a.txt", "a"));
    let folder = project.published();
    let branch = Branch::find(&project.place, &project.options)
        .unwrap()
        .unwrap();
    fs::remove_file(branch.note("0.whole")).unwrap();
    fs::remove_file(folder.join("a.txt")).unwrap();
    drop(project.step("02", "b.txt", "b"));
    assert_eq!(project.on_branch("a.txt"), "a");
    fs::remove_dir_all(&folder).unwrap();
    drop(project.step("03", "c.txt", "c"));
    assert_eq!(project.on_branch("a.txt"), "a");
}

#[test]
fn a_folder_that_is_something_else_is_left_alone() {
    let project = Project::new();
    let folder = project.published();
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("mine.txt"), "mine").unwrap();
    assert!(open(&project.place, "01", &project.options).is_err());
    assert_eq!(fs::read_to_string(folder.join("mine.txt")).unwrap(), "mine");
}

#[test]
fn what_no_branch_can_keep_stays_and_holds_nobody_else_up() {
    let project = Project::new();
    let failed = project.open("01");
    let app = failed.folder().unwrap().join("app");
    fs::create_dir(&app).unwrap();
    git(&app, &["init", "--quiet"]);
    let error = failed.settle("01").unwrap_err();
    assert!(error.to_string().contains("in app:"), "{error}");
    let other = project.open("02");
    // Git takes no file of this name.
    write(&other, "git~1", "odd");
    let error = other.settle("02").unwrap_err();
    assert!(error.to_string().contains("git~1"), "{error}");
    drop((failed, other));
    drop(project.step("03", "a.txt", "a"));
    drop(project.step("04", "b.txt", "b"));
    assert_eq!(project.subjects(), ["04", "03", "One"]);
    let (failed, other) = (project.open("01"), project.open("02"));
    assert!(failed.folder().unwrap().join("app/.git").exists());
    assert_eq!(read(&other, "git~1").as_deref(), Some("odd"));
}

#[test]
fn a_repository_that_a_person_left_in_a_worktree_is_passed_over() {
    let project = Project::new();
    drop(project.step("01", "a.txt", "a"));
    let app = project.published().join("app");
    fs::create_dir(&app).unwrap();
    git(&app, &["init", "--quiet"]);
    drop(project.step("02", "b.txt", "b"));
    assert_eq!(project.on_branch("b.txt"), "b");
    assert!(app.join(".git").exists());
}
