//! Files that a branch does not carry, or carries otherwise.
//!
//! Always so: what git ignores, or has in another repository, is there too.

use super::*;

#[test]
fn the_protocols_folder_comes_along_committed_or_not() {
    let project = Project::new();
    let root = project.place.protocol_folder();
    let prompt = root.join("01 prompt.sh").display().to_string();
    fs::create_dir_all(project.checkout().join(&root)).unwrap();
    fs::write(project.checkout().join(&prompt), "not committed").unwrap();
    let (first, second) = (project.open("01"), project.open("02"));
    for workspace in [&first, &second] {
        assert_eq!(read(workspace, &prompt).as_deref(), Some("not committed"));
    }
    assert_eq!(project.status(), "?? .protocols/");
    assert_eq!(project.subjects(), ["Plan of 0001 démo", "One"]);
}

#[test]
fn a_protocols_folder_that_git_ignores_comes_along_and_its_outputs_come_back() {
    let project = Project::new();
    let root = project.place.protocol_folder();
    fs::write(project.checkout().join(".gitignore"), ".protocols/\n").unwrap();
    git(project.checkout(), &["add", ".gitignore"]);
    git(project.checkout(), &["commit", "--quiet", "-m", "Two"]);
    fs::create_dir_all(project.checkout().join(&root)).unwrap();
    fs::write(project.checkout().join(&root).join("plan.md"), "plan").unwrap();
    let plan = root.join("plan.md").display().to_string();
    let output = root.join("out.md").display().to_string();
    let (first, second) = (project.open("01"), project.open("02"));
    assert_eq!(read(&second, &plan).as_deref(), Some("plan"));
    write(&second, &output, "out");
    second.settle(&second.work()).unwrap();
    assert_eq!(read(&first, &output).as_deref(), Some("out"));
}

#[test]
fn reports_of_checks_are_not_committed() {
    let project = Project::new();
    let report = project.place.protocol_folder().join("quality-report.md");
    let report = report.display().to_string();
    drop(project.step("01", &report, "VERDICT: PASS"));
    let next = project.open("02");
    assert_eq!(read(&next, &report).as_deref(), Some("VERDICT: PASS"));
    assert_eq!(project.subjects(), ["One"]);
}

/// Gives the project a submodule, whose own repository is away afterwards.
pub(super) fn add_submodule(project: &Project) {
    let library = project.kept.path().join("library");
    fs::create_dir(&library).unwrap();
    git(&library, &["init", "--quiet"]);
    fs::write(library.join("lib.txt"), "library").unwrap();
    git(&library, &["add", "."]);
    git(&library, &["commit", "--quiet", "-m", "Library"]);
    let url = library.display().to_string();
    git(
        project.checkout(),
        &["submodule", "--quiet", "add", &url, "parts/lib"],
    );
    git(project.checkout(), &["commit", "--quiet", "-m", "Two"]);
    fs::rename(&library, project.kept.path().join("gone")).unwrap();
}

#[test]
fn a_submodule_is_there_and_stays_what_it_was() {
    let project = Project::new();
    add_submodule(&project);
    let workspace = project.open("01");
    assert_eq!(
        read(&workspace, "parts/lib/lib.txt").as_deref(),
        Some("library")
    );
    write(&workspace, "a.txt", "a");
    workspace.settle(&workspace.work()).unwrap();
    let listed = git(project.checkout(), &["diff", "--name-only", "main", BRANCH]);
    assert_eq!(listed, "a.txt");
    assert_eq!(project.status(), "");
}

#[test]
fn what_is_changed_inside_of_a_submodule_is_refused_and_kept() {
    let project = Project::new();
    add_submodule(&project);
    let inside = project.open("01");
    write(&inside, "parts/lib/lib.txt", "changed");
    write(&inside, "a.txt", "a");
    let error = inside.settle("01").unwrap_err();
    assert_eq!(error.kind(), "SubmoduleChanged");
    assert!(error.to_string().contains("in parts/lib:"), "{error}");
    drop(inside);
    // Others are not held up by it, and do not take it along.
    drop(project.step("02", "b.txt", "b"));
    let again = project.open("01");
    assert_eq!(
        read(&again, "parts/lib/lib.txt").as_deref(),
        Some("changed")
    );
    let library = again.folder().unwrap().join("parts/lib");
    git(&library, &["commit", "--quiet", "--all", "-m", "Mine"]);
    let error = again.settle("01").unwrap_err();
    assert_eq!(
        error.kind(),
        "SubmoduleChanged",
        "nobody else has that commit"
    );
    let copy = project.checkout().join("parts/lib");
    git(
        &copy,
        &["fetch", "--quiet", &library.display().to_string(), "HEAD"],
    );
    again.settle("01").unwrap();
    let commit = git(&library, &["rev-parse", "HEAD"]);
    let tree = git(project.checkout(), &["ls-tree", BRANCH, "parts/lib"]);
    assert!(tree.contains(&commit), "{tree}");
    assert_eq!(project.on_branch("a.txt"), "a");
    assert_eq!(project.on_branch("b.txt"), "b");
}

#[test]
fn a_report_that_was_written_in_another_worktree_is_found_in_the_first() {
    let project = Project::new();
    let report = project.place.protocol_folder().join("quality-report-02.md");
    let (first, second) = (project.open("01"), project.open("02"));
    write(&second, &report.display().to_string(), "VERDICT: PASS");
    let written = second.folder().unwrap().join(&report);
    let found = second.publish(&written).unwrap();
    assert_eq!(found, first.folder().unwrap().join(&report));
    assert_eq!(fs::read_to_string(&found).unwrap(), "VERDICT: PASS");
    assert!(!written.exists());
    assert_eq!(first.publish(&found).unwrap(), found);
    first.settle("01").unwrap();
    assert_eq!(project.subjects(), ["One"]);
}
