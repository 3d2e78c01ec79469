//! What a step has changed, as its check is told.
//!
//! Always so: what others have merged meanwhile is not among it.

use super::*;

#[test]
fn a_step_has_changed_what_it_committed_in_all_of_its_runs_and_nothing_else() {
    let project = Project::new();
    let (first, second) = (project.open("01"), project.open("02"));
    write(&first, "ü b.txt", "one\n");
    write(&second, "b.txt", "of the other");
    second.settle("02").unwrap();
    first.settle("01").unwrap();
    drop((first, second));
    drop(project.step("03", "c.txt", "of a third"));
    let again = project.step("01", "shared.txt", "changed\n");
    let changes = again.changes();
    assert_eq!(changes.status(), "A  ü b.txt\nM  shared.txt\n");
    let paths: Vec<String> = changes.paths().into_iter().collect();
    assert_eq!(paths, ["shared.txt", "ü b.txt"]);
    assert!(changes.stat().contains("ü b.txt"));
    let diff = changes.diff();
    assert!(
        diff.contains("+one") && diff.contains("+changed") && !diff.contains("other"),
        "{diff}"
    );
    assert_eq!(changes.subject().as_deref(), Some("01"));
    let base = changes.base().unwrap();
    let since = git(project.checkout(), &["diff", "--name-only", base, BRANCH]);
    assert_eq!(since, "shared.txt");
}

#[test]
fn a_long_diff_is_cut_and_says_so() {
    let project = Project::new();
    let long = "ä line of text\n".repeat(9000);
    let workspace = project.step("01", "long.txt", &long);
    let diff = workspace.changes().diff();
    assert!(diff.len() < 33 * 1024, "{}", diff.len());
    assert!(diff.ends_with("bytes are left out here)\n"));
    assert_eq!(workspace.changes().paths().len(), 1);
}

#[test]
fn what_is_on_record_may_be_broken_without_harm() {
    let project = Project::new();
    drop(project.step("01", "a.txt", "a"));
    let branch = Branch::find(&project.place, &project.options).unwrap();
    let branch = branch.unwrap();
    let notes = fs::read_dir(branch.note("")).unwrap();
    let note = notes
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "changes"))
        .unwrap();
    let gone = format!("{} {}\n--output=x y\n", "0".repeat(40), "1".repeat(40));
    fs::write(&note, gone).unwrap();
    let workspace = project.open("01");
    assert_eq!(workspace.changes().status(), "");
    assert!(workspace.changes().paths().is_empty());
}

#[test]
fn protocols_that_share_a_branch_leave_each_others_work_alone() {
    let mut project = Project::new();
    project.options =
        Options::read(|name| (name == "TASKSGODZILLA_SINGLE_WORKTREE").then(|| "true".to_owned()));
    let begun = project.open("01-build");
    write(&begun, "half.txt", "half");
    drop(begun);
    project.place.protocol_run_id = 8;
    let other = project.open("01-build");
    assert_eq!(read(&other, "half.txt"), None, "it is not this one's");
    write(&other, "other.txt", "other");
    other.settle("01-build").unwrap();
    assert_eq!(other.changes().status(), "A  other.txt\n");
    drop(other);
    let kept = "tasksgodzilla-worktree--01-build-unfinished:half.txt";
    assert_eq!(git(project.checkout(), &["show", kept]), "half");
    project.place.protocol_run_id = 7;
    assert_eq!(project.open("01-build").changes().status(), "");
}
