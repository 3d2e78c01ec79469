//! The end of a protocol's worktrees.
//!
//! Always so: what was committed nowhere else is on a branch afterwards.

use super::*;

fn end(project: &Project) {
    retire::retire(&project.place, &project.options).unwrap();
}

fn worktrees(project: &Project) -> usize {
    let listed = git(project.checkout(), &["worktree", "list", "--porcelain"]);
    let others = listed.lines().filter(|line| line.starts_with("worktree "));
    others.count() - 1
}

#[test]
fn worktrees_go_and_the_protocols_folder_stays_where_it_was() {
    let project = Project::new();
    let root = project.place.protocol_folder();
    let output = root.join("outputs/01.md").display().to_string();
    let report = root.join("quality-report.md").display().to_string();
    let (first, second) = (project.open("01"), project.open("02"));
    write(&first, &output, "done");
    write(&first, &report, "VERDICT: PASS");
    write(&second, "b.txt", "b");
    first.settle("01").unwrap();
    second.settle("02").unwrap();
    drop((first, second));
    assert_eq!(worktrees(&project), 2);
    let folder = project.published();
    end(&project);
    assert_eq!(worktrees(&project), 0);
    assert_eq!(fs::read_to_string(folder.join(&output)).unwrap(), "done");
    assert!(folder.join(&report).exists());
    assert!(!folder.join("shared.txt").exists());
    assert_eq!(project.on_branch("b.txt"), "b");
    assert_eq!(project.status(), "");
    end(&project);

    let again = project.open("03");
    assert_eq!(again.folder(), Some(folder.as_path()));
    assert_eq!(read(&again, &report).as_deref(), Some("VERDICT: PASS"));
    assert_eq!(read(&again, "b.txt").as_deref(), Some("b"));
    again.settle("03").unwrap();
    assert_eq!(project.subjects().len(), 4, "{:?}", project.subjects());
}

#[test]
fn what_a_removal_that_was_broken_off_had_put_aside_comes_back() {
    let project = Project::new();
    let root = project.place.protocol_folder();
    let report = root.join("quality-report.md").display().to_string();
    drop(project.step("01", &report, "VERDICT: PASS"));
    let folder = project.published();
    end(&project);
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    fs::rename(&folder, folder.with_file_name(format!("{name}.kept"))).unwrap();
    let again = project.open("02");
    assert_eq!(read(&again, &report).as_deref(), Some("VERDICT: PASS"));
    assert_eq!(read(&again, "quality-report.md"), None);
}

#[test]
fn what_is_unfinished_is_kept_on_a_branch() {
    let project = Project::new();
    let failed = project.open("01-fails");
    write(&failed, "half.txt", "half");
    drop(failed);
    end(&project);
    assert_eq!(worktrees(&project), 0);
    let kept = format!("{BRANCH}--01-fails-unfinished:half.txt");
    assert_eq!(git(project.checkout(), &["show", &kept]), "half");

    drop(project.step("02", "a.txt", "a"));
    fs::write(project.published().join("mine.txt"), "mine").unwrap();
    end(&project);
    let kept = format!("{BRANCH}--worktree-unfinished:mine.txt");
    assert_eq!(git(project.checkout(), &["show", &kept]), "mine");
}

#[test]
fn a_worktree_that_someone_works_in_stays_and_so_does_a_shared_branchs() {
    let mut project = Project::new();
    drop(project.step("01", "a.txt", "a"));
    let working = project.open("02");
    end(&project);
    assert!(working.folder().unwrap().join("a.txt").exists());
    drop(working);
    end(&project);
    assert_eq!(worktrees(&project), 0);

    project.options =
        Options::read(|name| (name == "TASKSGODZILLA_SINGLE_WORKTREE").then(|| "true".to_owned()));
    drop(project.step("01", "a.txt", "a"));
    end(&project);
    assert_eq!(worktrees(&project), 1);
}
