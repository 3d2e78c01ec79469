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
fn worktrees_go_but_for_the_first_where_outputs_are_known_by_their_paths() {
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
    assert_eq!(worktrees(&project), 1);
    for (file, text) in [(&output, "done"), (&report, "VERDICT: PASS")] {
        assert_eq!(fs::read_to_string(folder.join(file)).unwrap(), text);
    }
    assert_eq!(fs::read_to_string(folder.join("b.txt")).unwrap(), "b");
    assert_eq!(project.status(), "");
    end(&project);
    // The branch is nobody's now.
    git(project.checkout(), &["switch", "--quiet", BRANCH]);
    git(project.checkout(), &["switch", "--quiet", "main"]);

    let again = project.open("03");
    assert_eq!(again.folder(), Some(folder.as_path()));
    assert_eq!(read(&again, &report).as_deref(), Some("VERDICT: PASS"));
    again.settle("03").unwrap();
    assert_eq!(project.subjects().len(), 4, "{:?}", project.subjects());
}

#[test]
fn what_git_ignores_stays_unless_it_is_a_cache() {
    let project = Project::new();
    fs::write(project.checkout().join(".gitignore"), "secret/\ntarget/\n").unwrap();
    git(project.checkout(), &["add", "."]);
    git(project.checkout(), &["commit", "--quiet", "-m", "Two"]);
    let all = ["01", "02", "03"].map(|work| project.open(work));
    write(&all[0], "secret/first.bin", "first");
    write(&all[1], "secret/second.bin", "second");
    write(&all[2], "target/CACHEDIR.TAG", "");
    write(&all[2], "target/big.o", "big");
    let folders = all.each_ref().map(|one| one.folder().unwrap().to_owned());
    for one in &all {
        one.settle(&one.work()).unwrap();
    }
    drop(all);
    end(&project);
    assert!(folders[0].join("secret/first.bin").exists());
    assert!(folders[1].join("secret/second.bin").exists());
    assert!(!folders[2].exists());
}

#[test]
fn a_protocol_that_ends_leaves_the_others_of_its_branch_alone() {
    let mut project = Project::new();
    project.place.branch = Some("both".to_owned());
    let report = project.place.protocol_folder().join("quality-report.md");
    let report = report.display().to_string();
    let (done, failed) = (project.open("01"), project.open("02"));
    write(&done, "a.txt", "a");
    write(&done, &report, "VERDICT: PASS");
    done.settle("01").unwrap();
    write(&failed, "half.txt", "half");
    let folders = [&done, &failed].map(|one| one.folder().unwrap().to_owned());
    drop((done, failed));
    project.place.protocol_run_id = 8;
    "other".clone_into(&mut project.place.protocol_name);
    drop(project.step("01", "b.txt", "b"));
    end(&project);
    assert!(folders[0].join(&report).exists());
    project.place.protocol_run_id = 7;
    let again = project.open("02");
    assert_eq!(again.folder(), Some(folders[1].as_path()));
    assert_eq!(read(&again, "half.txt").as_deref(), Some("half"));
}

#[test]
fn a_worktree_is_found_where_the_first_is_gone() {
    let project = Project::new();
    let (first, second) = (project.open("01"), project.open("02"));
    write(&second, "half.txt", "half");
    let folder = second.folder().unwrap().to_owned();
    drop((first, second));
    fs::remove_dir_all(project.published()).unwrap();
    end(&project);
    assert!(!folder.exists());
    let kept = format!("{BRANCH}--02-unfinished:half.txt");
    assert_eq!(git(project.checkout(), &["show", &kept]), "half");
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
    let mine = project.published().join("mine.txt");
    assert_eq!(fs::read_to_string(mine).unwrap(), "mine");
}

#[test]
fn a_worktree_that_someone_works_in_stays_and_so_does_a_shared_branchs() {
    let mut project = Project::new();
    drop(project.step("01", "a.txt", "a"));
    let working = project.open("02");
    end(&project);
    assert!(working.folder().unwrap().join("a.txt").exists());
    drop(working);

    project.options =
        Options::read(|name| (name == "TASKSGODZILLA_SINGLE_WORKTREE").then(|| "true".to_owned()));
    drop(project.step("01", "a.txt", "a"));
    end(&project);
    assert_eq!(worktrees(&project), 2);
}
