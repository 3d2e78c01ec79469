//! Steps in turn, and steps at once.
//!
//! Always so: what each has made is on the branch in the end.

use super::*;

#[test]
fn steps_in_turn_share_one_worktree_and_are_commits_with_their_names() {
    let project = Project::new();
    drop(project.step("01-build", "a b.txt", "one"));
    let second = project.open("02-tëst");
    assert_eq!(read(&second, "a b.txt").as_deref(), Some("one"));
    write(&second, "ordner/ü.txt", "two");
    second.settle(&second.work()).unwrap();
    assert_eq!(second.folder(), Some(project.published().as_path()));
    drop(second);
    assert_eq!(project.subjects(), ["02-tëst", "01-build", "One"]);
    assert_eq!(project.on_branch("ordner/ü.txt"), "two");
    let head = git(&project.published(), &["symbolic-ref", "--short", "HEAD"]);
    assert_eq!(head, BRANCH);
    assert_eq!(git(&project.published(), &["status", "--porcelain"]), "");
    assert_eq!(project.status(), "");
    assert!(!project.checkout().join("a b.txt").exists());
}

#[test]
fn a_commit_has_the_users_name_else_millwrights() {
    let project = Project::new();
    git(project.checkout(), &["config", "user.name", "Ada"]);
    git(
        project.checkout(),
        &["config", "user.email", "ada@example.invalid"],
    );
    drop(project.step("01", "a.txt", "a"));
    let author = || {
        git(
            project.checkout(),
            &["log", "-1", "--format=%an <%ae>", BRANCH],
        )
    };
    assert_eq!(author(), "Ada <ada@example.invalid>");
}

#[test]
fn steps_at_once_have_worktrees_of_their_own_and_both_are_merged() {
    let project = Project::new();
    let (first, second) = (project.open("01"), project.open("02"));
    assert_ne!(first.folder(), second.folder());
    write(&first, "a.txt", "a");
    write(&second, "b.txt", "b");
    second.settle(&second.work()).unwrap();
    assert_eq!(
        read(&first, "b.txt"),
        None,
        "nobody changes it under the first one's feet"
    );
    first.settle(&first.work()).unwrap();
    assert_eq!(read(&first, "b.txt").as_deref(), Some("b"));
    assert_eq!(
        (project.on_branch("a.txt"), project.on_branch("b.txt")),
        ("a".into(), "b".into())
    );
    drop((first, second));
    let both = (project.open("03"), project.open("04"));
    assert_eq!(read(&both.1, "a.txt").as_deref(), Some("a"));
    both.1.settle(&both.1.work()).unwrap();
}

#[test]
fn the_first_worktree_follows_while_nobody_works_in_it() {
    let project = Project::new();
    let (first, second) = (project.open("01"), project.open("02"));
    first.settle(&first.work()).unwrap();
    drop(first);
    write(&second, "b.txt", "b");
    second.settle(&second.work()).unwrap();
    assert_eq!(
        fs::read_to_string(project.published().join("b.txt")).unwrap(),
        "b"
    );
    assert_eq!(git(&project.published(), &["status", "--porcelain"]), "");
}

#[test]
fn a_worktree_that_is_held_after_its_merge_undoes_nothing_that_is_merged_then() {
    let project = Project::new();
    let (first, second) = (project.open("01"), project.open("02"));
    first.settle("01").unwrap();
    write(&second, "b.txt", "b");
    second.settle("02").unwrap();
    drop((first, second));
    drop(project.step("03", "c.txt", "c"));
    assert_eq!(project.on_branch("b.txt"), "b");
}

#[test]
fn a_conflict_names_the_files_and_keeps_both_works() {
    let project = Project::new();
    let (first, second) = (project.open("01-one"), project.open("02-two"));
    write(&first, "shared.txt", "of the first");
    write(&second, "shared.txt", "of the second");
    write(&second, "more.txt", "more");
    first.settle(&first.work()).unwrap();
    let error = second.settle(&second.work()).unwrap_err();
    let kept = format!("{BRANCH}--02-two");
    let message = error.to_string();
    assert_eq!(error.kind(), "MergeConflict");
    assert!(
        message.contains("in shared.txt;") && message.contains(&kept),
        "{message}"
    );
    drop((first, second));
    assert_eq!(project.on_branch("shared.txt"), "of the first");
    let show = |file: &str| git(project.checkout(), &["show", &format!("{kept}:{file}")]);
    assert_eq!(
        (show("shared.txt"), show("more.txt")),
        ("of the second".into(), "more".into())
    );
    // Run again, it begins from what is there now, and goes through.
    let again = project.open("02-two");
    assert_eq!(read(&again, "shared.txt").as_deref(), Some("of the first"));
    write(&again, "shared.txt", "of both");
    again.settle(&again.work()).unwrap();
    assert_eq!(project.on_branch("shared.txt"), "of both");
    assert_eq!(show("more.txt"), "more");
}

#[test]
fn many_at_once_are_all_merged() {
    let project = Project::new();
    std::thread::scope(|scope| {
        for nth in 0..6 {
            let project = &project;
            scope.spawn(move || {
                let name = format!("{nth:02}");
                let done = project.step(&name, &format!("{nth}.txt"), &name);
                assert_eq!(read(&done, &format!("{nth}.txt")), Some(name));
            });
        }
    });
    for nth in 0..6 {
        assert_eq!(
            project.on_branch(&format!("{nth}.txt")),
            format!("{nth:02}")
        );
    }
}

#[test]
fn the_log_and_where_a_protocol_stands_never_conflict() {
    let project = Project::new();
    let root = project.place.protocol_folder().display().to_string();
    let (log, context) = (format!("{root}/log.md"), format!("{root}/context.md"));
    let start = project.open("00");
    write(&start, &log, "begun\n");
    write(&start, &context, "Current step: none\n");
    start.settle("00").unwrap();
    drop(start);
    let (first, second) = (project.open("01"), project.open("02"));
    for workspace in [&first, &second] {
        write(
            workspace,
            &log,
            &format!("begun\n{} done\n", workspace.work()),
        );
        write(
            workspace,
            &context,
            &format!("Current step: {}\n", workspace.work()),
        );
    }
    first.settle("01").unwrap();
    second.settle("02").unwrap();
    assert!(project.on_branch(&log).contains("01 done"));
    assert!(project.on_branch(&log).contains("02 done"));
    assert_eq!(project.on_branch(&context), "Current step: 02");
}
