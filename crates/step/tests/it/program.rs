//! The executable's surface: names, help, and the ways to give arguments.
//!
//! Always so: no API is needed for these.

use std::fs::{self, File};
use std::os::unix::fs::symlink;

use crate::step::{PROGRAM, Step, text};

#[test]
fn help_and_list_are_complete() {
    let said = |words: &[&str]| Step::new(words).run().exits(0).stdout;
    insta::assert_snapshot!("help", said(&["--help"]));
    insta::assert_snapshot!(
        "help_of_a_step",
        said(&["emit_tasksgodzilla_codex_refs", "--help"])
    );
    assert_eq!(said(&["--list"]).lines().count(), 19);
    assert_eq!(
        said(&["--version"]),
        format!("millwright-step {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn linked_under_a_steps_name_it_is_that_step() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("analyze_project");
    symlink(PROGRAM, &link).unwrap();
    let ended = Step::of(&text(&link), ["."]).run().exits(0);
    assert!(ended.stdout.contains("\"language\""));
}

#[test]
fn arguments_come_from_a_file_or_from_stdin() {
    let step = Step::new(["analyze_project", "--args", "@args.json"]);
    fs::write(step.folder().join("args.json"), r#"{"project_path": "."}"#).unwrap();
    step.run().exits(0);
    let step = Step::new(["analyze_project", "--args", "-"]);
    let path = step.folder().join("args.json");
    fs::write(&path, r#"{"project_path": ".", "project_id": null}"#).unwrap();
    step.stdin(File::open(&path).unwrap()).run().exits(0);
}

#[test]
fn what_is_wrong_with_the_arguments_is_named() {
    let errors: Vec<String> = [
        &["step_execute_apy", "1"][..],
        &[],
        &["step_execute_api"],
        &["step_execute_api", "T001"],
        &[
            "step_execute_api",
            "--args",
            r#"{"step_run_id": 1, "claims": "x"}"#,
        ],
        &["step_execute_api", "--args", r#"{"step_run_id": "1"}"#],
        &["step_run_qa_api", "1", r#"["lint", 3]"#],
        &["finish_tasksgodzilla_codex_run", "r", "done"],
        &["finish_tasksgodzilla_codex_run", "r", "running"],
        &["clone_repo", "--upload-pack=touch x"],
        &["clone_repo", "ext::sh -c id"],
        &["clone_repo", "https://me:hush@host/demo", "-x"],
        &["initialize_speckit", "/nowhere/at/all", "x"],
    ]
    .iter()
    .map(|words| Step::new(*words).run().exits(2).stderr)
    .collect();
    insta::assert_snapshot!("argument_errors", errors.concat());
}
