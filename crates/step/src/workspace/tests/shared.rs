//! Machines without a common disk, each with a cache of its own, and a bare repository between them.
//!
//! Always so: what one has made the next one finds, and what cannot be shared is told with what to do.

use std::sync::Barrier;

use super::*;

/// A project's repository, and the places of those who work on it.
struct Team {
    kept: tempfile::TempDir,
}

impl Team {
    fn new() -> Self {
        let kept = tempfile::tempdir().unwrap();
        let (bare, first) = (kept.path().join("demo.git"), kept.path().join("first"));
        fs::create_dir(&first).unwrap();
        git(&first, &["init", "--quiet", "--initial-branch=main"]);
        fs::write(first.join("shared.txt"), "as it was\n").unwrap();
        git(&first, &["add", "."]);
        git(&first, &["commit", "--quiet", "-m", "One"]);
        let (from, to) = (first.to_str().unwrap(), bare.to_str().unwrap());
        git(kept.path(), &["clone", "--quiet", "--bare", from, to]);
        Self { kept }
    }

    fn bare(&self) -> PathBuf {
        self.kept.path().join("demo.git")
    }

    /// The protocol, as a machine without the project's folder sees it.
    fn place(&self) -> Place {
        Place {
            folder: Some(self.kept.path().join("elsewhere/demo")),
            protocol_run_id: 7,
            protocol_name: "0001-demo".to_owned(),
            protocol_root: None,
            base_branch: "main".to_owned(),
            branch: None,
            origin: Some(Origin {
                project_id: 3,
                git_url: self.bare().display().to_string(),
                is_shared: false,
                worktree: None,
            }),
            is_clone: false,
        }
    }

    fn worker(&self, name: &str) -> Worker {
        let cache = self.kept.path().join(name).display().to_string();
        let options = Options::read(|name| (name == "MILLWRIGHT_CACHE").then(|| cache.clone()));
        Worker {
            options,
            place: self.place(),
        }
    }

    fn there(&self, words: &[&str]) -> String {
        git(&self.bare(), words)
    }

    fn file_there(&self, file: &str) -> String {
        self.there(&["show", &format!("{SHARED}:{file}")])
    }

    /// Somebody without millwright pushes a commit on the branch, onto `from`.
    fn push_by_hand(&self, from: &str, file: &str, text: &str) {
        let hand = tempfile::tempdir().unwrap();
        let bare = self.bare().display().to_string();
        git(hand.path(), &["clone", "--quiet", &bare, "."]);
        git(hand.path(), &["checkout", "--quiet", "-b", "mine", from]);
        fs::write(hand.path().join(file), text).unwrap();
        git(hand.path(), &["add", "."]);
        git(hand.path(), &["commit", "--quiet", "-m", "By hand"]);
        let what = format!("+mine:refs/heads/{SHARED}");
        git(hand.path(), &["push", "--quiet", "origin", &what]);
    }
}

const SHARED: &str = "millwright/7-0001-demo";

struct Worker {
    options: Options,
    place: Place,
}

impl Worker {
    fn open(&self, work: &str) -> Result<Workspace, WorkspaceError> {
        open(&self.place, work, &self.options)
    }

    fn step(&self, work: &str, file: &str, text: &str) -> Result<Workspace, WorkspaceError> {
        let workspace = self.open(work)?;
        write(&workspace, file, text);
        workspace.settle(work)?;
        Ok(workspace)
    }

    fn clone_folder(&self) -> PathBuf {
        self.place
            .here(&self.options, &|_| ())
            .unwrap()
            .folder
            .unwrap()
    }

    fn fails(&self, work: &str) -> String {
        self.open(work).unwrap_err().to_string()
    }

    fn knows_of(mut self, change: impl FnOnce(&mut Origin)) -> Self {
        change(self.place.origin.as_mut().unwrap());
        self
    }
}

#[test]
fn what_one_machine_made_the_next_one_finds() {
    let team = Team::new();
    let (one, other) = (team.worker("one"), team.worker("other"));
    let first = one.step("01-build", "a.txt", "a").unwrap();
    assert!(first.is_shared());
    assert_eq!(team.file_there("a.txt"), "a");
    drop(first);
    let second = other.step("02-test", "b.txt", "b").unwrap();
    assert_eq!(read(&second, "a.txt").as_deref(), Some("a"));
    drop(second);
    let third = one.open("03-say").unwrap();
    assert_eq!(read(&third, "b.txt").as_deref(), Some("b"));
    assert_ne!(one.clone_folder(), other.clone_folder());
    let said = team.there(&["log", "--format=%s", SHARED]);
    assert_eq!(said, "02-test\n01-build\nOne");
}

#[test]
fn a_check_elsewhere_is_told_what_the_step_has_committed() {
    let team = Team::new();
    let (one, other) = (team.worker("one"), team.worker("other"));
    drop(one.step("01-build", "a.txt", "a").unwrap());
    drop(one.step("02-other", "b.txt", "b").unwrap());
    let check = other.open("01-build").unwrap();
    assert_eq!(check.changes().status(), "A  a.txt\n");
    assert_eq!(check.changes().subject().as_deref(), Some("01-build"));
    check.settle("Check of 01-build").unwrap();
    drop(check);
    // What an agent has committed by itself counts too.
    let agent = other.open("03-agent").unwrap();
    write(&agent, "c.txt", "c");
    git(agent.folder().unwrap(), &["add", "."]);
    git(
        agent.folder().unwrap(),
        &["commit", "--quiet", "-m", "Mine"],
    );
    agent.settle("03-agent").unwrap();
    let check = one.open("03-agent").unwrap();
    assert_eq!(check.changes().status(), "A  c.txt\n");
}

#[test]
fn machines_that_work_at_once_all_get_their_work_in() {
    let team = Team::new();
    let workers = ["one", "two", "three", "four"].map(|name| team.worker(name));
    let begun = Barrier::new(workers.len());
    std::thread::scope(|scope| {
        for (nth, worker) in workers.iter().enumerate() {
            let begun = &begun;
            scope.spawn(move || {
                let work = format!("0{nth}");
                let workspace = worker.open(&work).unwrap();
                write(&workspace, &format!("{nth}.txt"), &work);
                begun.wait();
                workspace.settle(&work).unwrap();
            });
        }
    });
    for nth in 0..workers.len() {
        assert_eq!(team.file_there(&format!("{nth}.txt")), format!("0{nth}"));
    }
}

#[test]
fn one_process_clones_while_the_others_wait() {
    let team = Team::new();
    let worker = team.worker("one");
    let (begun, said) = (Barrier::new(4), std::sync::Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                begun.wait();
                let say = |text: &str| said.lock().unwrap().push(text.to_owned());
                worker.place.here(&worker.options, &say).unwrap();
            });
        }
    });
    let said = said.into_inner().unwrap();
    let clones = said.iter().filter(|line| line.contains("clones "));
    assert_eq!(clones.count(), 1, "{said:?}");
}

#[test]
fn a_clone_that_was_broken_off_is_made_anew() {
    let team = Team::new();
    let worker = team.worker("one");
    let clone = worker.clone_folder();
    fs::remove_dir_all(&clone).unwrap();
    let draft = clone.with_extension("partial");
    fs::create_dir_all(draft.join(".git/objects")).unwrap();
    drop(worker.step("01", "a.txt", "a").unwrap());
    assert!(!draft.exists());
}

#[test]
fn two_that_changed_the_same_lines_are_told_and_the_later_work_is_kept_there() {
    let team = Team::new();
    let (one, other) = (team.worker("one"), team.worker("other"));
    let (first, second) = (one.open("01").unwrap(), other.open("02").unwrap());
    write(&first, "shared.txt", "by one\n");
    write(&second, "shared.txt", "by the other\n");
    first.settle("01").unwrap();
    let error = second.settle("02").unwrap_err();
    assert_eq!(error.kind(), "MergeConflict");
    let kept = |branch: &str| team.there(&["show", &format!("{branch}:shared.txt")]);
    assert_eq!(kept(&kept_as(&error)), "by the other");
    drop(second);
    let again = other.open("02").unwrap();
    assert_eq!(read(&again, "shared.txt").as_deref(), Some("by one\n"));

    write(&again, "shared.txt", "by the other again\n");
    let third = one.open("03").unwrap();
    write(&third, "shared.txt", "by the third\n");
    third.settle("03").unwrap();
    let later = again.settle("02").unwrap_err();
    assert_eq!(kept(&kept_as(&later)), "by the other again");
    assert_eq!(kept(&kept_as(&error)), "by the other");
}

fn kept_as(error: &WorkspaceError) -> String {
    match error {
        WorkspaceError::Conflict { kept, .. } => kept.clone(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_folder_that_is_here_is_used_and_shared_where_that_is_wanted() {
    let team = Team::new();
    let mut here = team.worker("one");
    let folder = team.kept.path().join("here");
    let bare = team.bare().display().to_string();
    git(team.kept.path(), &["clone", "--quiet", &bare, "here"]);
    here.place.folder = Some(folder.clone());
    drop(here.step("01", "a.txt", "a").unwrap());
    let branches = || team.there(&["for-each-ref", "--format=%(refname:short)", "refs/heads"]);
    assert_eq!(branches(), "main", "nobody said that others work here too");
    let alone = team.worker("other").knows_of(|origin| {
        origin.worktree = Some("/srv/here.worktrees/7".to_owned());
    });
    let told = alone.fails("02");
    for part in [
        "has begun it in /srv/here.worktrees/7",
        "set MILLWRIGHT_GIT=remote",
    ] {
        assert!(told.contains(part), "{told}");
    }
    here.options.shares = true;
    drop(here.step("02", "b.txt", "b").unwrap());
    let other = team.worker("other").open("03").unwrap();
    assert_eq!(read(&other, "a.txt").as_deref(), Some("a"));
    assert_eq!(read(&other, "b.txt").as_deref(), Some("b"));
    // From then on it is shared, whatever is said.
    here.options.shares = false;
    drop(here.step("04", "c.txt", "c").unwrap());
    assert_eq!(team.file_there("c.txt"), "c");
    assert_eq!(git(&folder, &["status", "--porcelain"]), "");
}

#[test]
fn a_branch_that_was_removed_is_told() {
    let team = Team::new();
    let one = team.worker("one");
    drop(one.step("01", "a.txt", "a").unwrap());
    team.there(&["branch", "--quiet", "-D", SHARED]);
    for told in [
        one.fails("02"),
        team.worker("other")
            .knows_of(|origin| origin.is_shared = true)
            .fails("02"),
    ] {
        assert!(told.contains("was removed from"), "{told}");
        assert!(told.contains("or cancel the protocol"), "{told}");
    }
    git(&one.clone_folder(), &["push", "--quiet", "origin", SHARED]);
    drop(one.step("02", "b.txt", "b").unwrap());
    assert_eq!(team.file_there("a.txt"), "a");
}

#[test]
fn a_branch_that_was_written_anew_is_taken_and_one_that_went_another_way_is_told() {
    let team = Team::new();
    let one = team.worker("one");
    drop(one.step("01", "a.txt", "a").unwrap());
    team.push_by_hand("origin/main", "b.txt", "b");
    let next = one.open("02").unwrap();
    assert_eq!(read(&next, "a.txt"), None);
    assert_eq!(read(&next, "b.txt").as_deref(), Some("b"));
    let before = format!("{SHARED}--before:a.txt");
    assert_eq!(git(&one.clone_folder(), &["show", &before]), "a");
    drop(next);
    // A commit that never got there, and another one there.
    let clone = one.clone_folder();
    let tip = git(&clone, &["rev-parse", SHARED]);
    let tree = format!("{tip}^{{tree}}");
    let own = git(&clone, &["commit-tree", "-p", &tip, "-m", "Own", &tree]);
    git(&one.published(), &["checkout", "--quiet", "--detach"]);
    git(
        &clone,
        &["update-ref", &format!("refs/heads/{SHARED}"), &own],
    );
    team.push_by_hand(&format!("origin/{SHARED}"), "c.txt", "c");
    let told = one.fails("03");
    assert!(told.contains("has commits here that"), "{told}");
    assert!(told.contains("merge "), "{told}");
}

impl Worker {
    fn published(&self) -> PathBuf {
        let place = self.place.here(&self.options, &|_| ()).unwrap();
        let branch = Branch::find(&place, &self.options).unwrap().unwrap();
        branch.folder(0)
    }
}

#[test]
fn what_cannot_be_pushed_stays_and_goes_with_the_next_run() {
    let team = Team::new();
    let one = team.worker("one");
    let workspace = one.open("01").unwrap();
    write(&workspace, "a.txt", "a");
    let (bare, away) = (team.bare(), team.kept.path().join("away"));
    fs::rename(&bare, &away).unwrap();
    let told = workspace.settle("01").unwrap_err().to_string();
    assert!(told.starts_with("pushing to "), "{told}");
    assert!(told.ends_with("look at the project's git_url"), "{told}");
    drop(workspace);
    fs::rename(&away, &bare).unwrap();
    let again = one.open("01").unwrap();
    assert_eq!(read(&again, "a.txt").as_deref(), Some("a"));
    again.settle("01").unwrap();
    assert_eq!(team.file_there("a.txt"), "a");
}

#[test]
fn a_repository_that_refuses_says_so() {
    let team = Team::new();
    let one = team.worker("one");
    let hook = team.bare().join("hooks/pre-receive");
    fs::write(&hook, "#!/bin/sh\necho no, >&2\nexit 1\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&hook, mode).unwrap();
    let told = one.fails("01");
    assert!(told.contains("the repository's rules refuse it"), "{told}");
}

#[test]
fn an_address_that_leads_nowhere_is_told_without_its_password() {
    let team = Team::new();
    let url = "http://me:hush@127.0.0.1:1/demo.git";
    let worker = team
        .worker("one")
        .knows_of(|origin| origin.git_url = url.to_owned());
    let error = worker.open("01").unwrap_err();
    assert_eq!(error.kind(), "NoWorkspace");
    let told = error.to_string();
    assert!(told.contains("http://127.0.0.1:1/demo.git"), "{told}");
    assert!(told.contains("elsewhere/demo is not there"), "{told}");
    assert!(!told.contains("hush") && !told.contains("me:"), "{told}");
    let odd = team
        .worker("one")
        .knows_of(|origin| origin.git_url = "ext::sh -c id".to_owned());
    assert!(odd.fails("01").contains("it holds a space"));
}

#[test]
fn nobody_clones_where_that_is_switched_off() {
    let team = Team::new();
    let mut worker = team.worker("one");
    worker.options = Options::read(|name| match name {
        "HOME" => Some(team.kept.path().display().to_string()),
        "TASKSGODZILLA_AUTO_CLONE" => Some("off".to_owned()),
        _ => None,
    });
    let error = worker.open("01").unwrap_err();
    assert!(matches!(error, WorkspaceError::Missing { .. }), "{error}");
}

#[test]
fn an_empty_repository_and_an_ignored_protocol_are_told() {
    let team = Team::new();
    team.push_by_hand("origin/main", ".gitignore", ".protocols/\n");
    let one = team.worker("one");
    let told = one.fails("01");
    assert!(told.contains("git ignores .protocols/0001-demo"), "{told}");
    fs::remove_dir_all(team.bare()).unwrap();
    let bare = team.bare().display().to_string();
    git(team.kept.path(), &["init", "--quiet", "--bare", &bare]);
    let told = team.worker("other").fails("01");
    assert!(told.contains("no branch main, and no other"), "{told}");
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let team = Team::new();
    let file = team.kept.path().join("file");
    fs::write(&file, "").unwrap();
    let told = team.worker("file").fails("01");
    assert!(told.contains(&file.display().to_string()), "{told}");
    assert!(told.ends_with("in MILLWRIGHT_CACHE"), "{told}");
}

#[test]
fn the_protocols_own_folder_is_found_below_the_clone() {
    let team = Team::new();
    let mut one = team.worker("one");
    let root = team.kept.path().join("elsewhere/demo/plans/x");
    one.place.protocol_root = Some(root.display().to_string());
    let place = one.place.here(&one.options, &|_| ()).unwrap();
    assert_eq!(place.protocol_folder(), Path::new("plans/x"));
}

#[test]
fn a_machine_that_never_worked_on_a_branch_finds_and_publishes_it() {
    let team = Team::new();
    let (one, other) = (team.worker("one"), team.worker("other"));
    drop(
        one.step("01", ".protocols/0001-demo/plan.md", "all well")
            .unwrap(),
    );
    let published = publication(&other.place, &other.options);
    let published = published.unwrap().unwrap();
    assert!(published.is_ahead().unwrap());
    assert_eq!(published.plan().unwrap().as_deref(), Some("all well"));
    published.push("origin", Vec::new()).unwrap();
    let third = team.worker("third");
    let place = third.place.here(&third.options, &|_| ()).unwrap();
    let file = Path::new(".protocols/0001-demo/plan.md");
    let found = look(&place, &third.options, file).unwrap().unwrap();
    assert!(found.holds);
}

#[test]
fn a_commit_that_someone_took_out_there_is_not_pushed_again() {
    let team = Team::new();
    let (one, other) = (team.worker("one"), team.worker("other"));
    drop(one.step("01", "a.txt", "a").unwrap());
    drop(one.step("02", "b.txt", "b").unwrap());
    drop(other.open("03").unwrap());
    let before = team.there(&["rev-parse", &format!("{SHARED}~1")]);
    team.there(&["update-ref", &format!("refs/heads/{SHARED}"), &before]);
    for worker in [one, other] {
        let next = worker.open("04").unwrap();
        assert_eq!(read(&next, "a.txt").as_deref(), Some("a"));
        assert_eq!(read(&next, "b.txt"), None);
        next.settle("04").unwrap();
        assert_eq!(team.there(&["rev-parse", SHARED]), before);
        let kept = format!("{SHARED}--before:b.txt");
        assert_eq!(git(&worker.clone_folder(), &["show", &kept]), "b");
    }
}
