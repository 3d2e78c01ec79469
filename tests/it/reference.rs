//! `millwright reference`: the committed descriptions of the program.
//!
//! Always so: a description that is out of date fails here, with the command that mends it.

use std::process::Command;

#[test]
fn the_committed_descriptions_are_the_programs() {
    let output = Command::new(env!("CARGO_BIN_EXE_millwright"))
        .args(["reference", "--check", "--out", env!("CARGO_MANIFEST_DIR")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[test]
fn a_description_that_differs_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_millwright"))
        .args(["reference", "--check", "--out"])
        .arg(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("docs/cli.md") && said.contains("run `millwright reference`"),
        "{said}"
    );
}
