//! `millwright flows`, and the files that it generates.
//!
//! Always so: what is compared are the files that the command wrote, or those that are committed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn flows(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millwright"));
    let command = command.arg("flows").args(arguments).current_dir(folder);
    command.output().expect("millwright runs")
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn files_below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            found.extend(files_below(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_committed_files_are_what_the_catalog_says() {
    let output = flows(root(), &["generate", "--check"]);
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn a_check_names_the_files_and_the_command_that_mends_them() {
    let folder = tempfile::tempdir().unwrap();
    assert!(flows(folder.path(), &["generate"]).status.success());
    let flow = folder
        .path()
        .join("flows/devgodzilla/run_next_step.flow.json");
    let stale = folder.path().join("scripts/devgodzilla/renamed.sh");
    let changed = fs::read_to_string(&flow)
        .unwrap()
        .replace("run_qa", "check");
    fs::write(&flow, &changed).unwrap();
    fs::copy(folder.path().join("scripts/devgodzilla/open_pr.sh"), &stale).unwrap();

    let check = flows(folder.path(), &["generate", "--check"]);
    assert_eq!(check.status.code(), Some(1));
    let said = stderr(&check);
    assert!(
        said.contains("changed: flows/devgodzilla/run_next_step.flow.json"),
        "{said}"
    );
    assert!(
        said.contains("stale: scripts/devgodzilla/renamed.sh"),
        "{said}"
    );
    assert!(said.contains("run `millwright flows generate`"), "{said}");
    assert_eq!(
        fs::read_to_string(&flow).unwrap(),
        changed,
        "a check changes nothing"
    );

    assert!(flows(folder.path(), &["generate"]).status.success());
    assert!(!stale.exists());
    assert!(
        flows(folder.path(), &["generate", "--check"])
            .status
            .success()
    );
}

#[test]
fn the_flows_are_listed_and_shown() {
    let listed = stdout(&flows(root(), &["list"]));
    assert_eq!(listed.lines().count(), 7);
    insta::assert_snapshot!(
        "flows_show",
        stdout(&flows(root(), &["show", "run_next_step"]))
    );
    let json = stdout(&flows(
        root(),
        &["show", "f/devgodzilla/run_next_step", "--json"],
    ));
    let committed = root().join("flows/devgodzilla/run_next_step.flow.json");
    assert_eq!(json, fs::read_to_string(committed).unwrap());
}

#[test]
fn an_unknown_flow_is_named() {
    let output = flows(root(), &["show", "nope"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("there is no flow \"nope\""));
}

#[test]
fn the_layout_for_the_official_command_line_needs_a_folder() {
    let output = flows(root(), &["generate", "--layout", "wmill"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--out"));
}

#[test]
fn windmills_own_validator_passes_every_flow() {
    let validator = root().join("tests/flow-validator");
    assert!(
        validator.join("node_modules").is_dir(),
        "windmill-yaml-validator is not installed: run `npm ci --prefix tests/flow-validator`, as `make test` does"
    );
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    stdout(&flows(
        root(),
        &["generate", "--layout", "wmill", "--out", out],
    ));
    let mut files = files_below(&root().join("flows"), ".flow.json");
    files.extend(files_below(folder.path(), "flow.yaml"));
    assert_eq!(files.len(), 14);
    let validate = Command::new("node")
        .arg(validator.join("validate.js"))
        .args(files)
        .output();
    let validate = validate.expect("node is installed");
    let said = String::from_utf8_lossy(&validate.stdout);
    assert!(validate.status.success(), "{said}{}", stderr(&validate));
}

#[test]
fn the_layout_for_the_official_command_line_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    stdout(&flows(
        root(),
        &["generate", "--layout", "wmill", "--out", out],
    ));
    let below = folder.path().join("u/devgodzilla");
    let mut scripts = files_below(&below, ".sh");
    scripts.extend(files_below(&below, ".ts"));
    assert_eq!(scripts.len(), 19);
    for script in scripts {
        assert!(
            script.with_extension("script.yaml").is_file(),
            "{}",
            script.display()
        );
    }
    let settings = fs::read_to_string(folder.path().join("wmill.yaml")).unwrap();
    assert!(settings.contains("nonDottedPaths: true"));
    assert!(
        folder
            .path()
            .join("f/devgodzilla/folder.meta.yaml")
            .is_file()
    );
}

#[test]
fn a_worker_needs_nothing_where_nobody_chooses() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let text = |choices: &[&str], name: &str| {
        let words = ["generate", "--layout", "wmill", "--out", out];
        stdout(&flows(root(), &[&words, choices].concat()));
        fs::read_to_string(folder.path().join("u/devgodzilla").join(name)).unwrap()
    };
    assert!(text(&[], "open_pr.sh").contains("\nfind_step 'millwright-step "));
    let chosen = &["--packaging", "path,execute_step=native"];
    assert!(text(chosen, "execute_step.sh").contains("exec \"$step\""));
    assert!(text(chosen, "open_pr.sh").contains("\nexec millwright-step open_pr"));
    assert!(text(chosen, "spec_audit.sh").contains("\nexec millwright-step spec_audit"));
}

#[test]
fn without_a_step_executable_it_is_said_what_to_do() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let alone = folder.path().join("millwright");
    fs::hard_link(env!("CARGO_BIN_EXE_millwright"), &alone).unwrap();
    let generate = |choices: &[&str]| {
        let mut command = Command::new(&alone);
        command.args(["flows", "generate", "--layout", "wmill"]);
        command.args(choices).arg("--out").arg(folder.path());
        command.output().unwrap()
    };
    let refused = generate(&[]);
    assert_eq!(refused.status.code(), Some(2));
    for told in [
        "the one beside millwright",
        "`make build` puts millwright-step beside millwright",
        "use --packaging path",
    ] {
        assert!(stderr(&refused).contains(told), "{}", stderr(&refused));
    }
    stdout(&generate(&["--packaging", "path"]));
}
