//! Work in git, with real repositories.
//!
//! Always so: each test has a repository of its own, and looks at the user's checkout afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

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
        held.map_or_else(String::new, |held| held.work.clone())
    }
}

fn read(workspace: &Workspace, file: &str) -> Option<String> {
    fs::read_to_string(workspace.folder().unwrap().join(file)).ok()
}

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

#[test]
fn a_submodule_is_there_and_stays_what_it_was() {
    let project = Project::new();
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
    // The network is away.
    fs::rename(&library, project.kept.path().join("gone")).unwrap();
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
fn a_folder_that_is_something_else_is_left_alone() {
    let project = Project::new();
    let folder = project.published();
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("mine.txt"), "mine").unwrap();
    assert!(open(&project.place, "01", &project.options).is_err());
    assert_eq!(fs::read_to_string(folder.join("mine.txt")).unwrap(), "mine");
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
