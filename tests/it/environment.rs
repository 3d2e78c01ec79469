//! Surroundings that are not as they should be: databases, folders, a stdout that takes nothing.
//!
//! Always so: the message names the file, and the file stays as it was.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use rusqlite::Connection;
use serde_json::json;

fn serve(database: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_millwright"))
        .args(["serve", "--listen", "127.0.0.1:0", "--database"])
        .arg(format!("sqlite://{}", database.display()))
        .output()
        .unwrap()
}

#[test]
fn what_is_no_database_is_named_and_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.db");
    fs::write(&path, "these are notes, and no database at all".repeat(50)).unwrap();
    let output = serve(&path);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("notes.db") && said.contains("not a database"),
        "{said}"
    );
    assert!(
        fs::read_to_string(&path)
            .unwrap()
            .starts_with("these are notes")
    );
}

#[test]
fn the_database_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE runs (a)")
        .unwrap();
    let before = fs::read(&path).unwrap();
    let output = serve(&path);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("other.db is the database of another program"),
        "{said}"
    );
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_project_folder_that_is_missing_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_millwright"))
        .args(["up", "--listen", "127.0.0.1:0", "--root", "/nonexistent"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nonexistent"));
}

#[test]
fn a_result_that_nobody_can_read_is_no_panic() {
    let millwright = env!("CARGO_BIN_EXE_millwright");
    let full = format!("'{millwright}' flows list > /dev/full");
    let output = Command::new("sh").args(["-c", &full]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be written to stdout"));
    let closed = format!("'{millwright}' flows show run_next_step --json | true");
    let output = Command::new("sh").args(["-c", &closed]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_job_sees_the_variables_that_are_listed_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let flow = folder.path().join("env.flow.json");
    let content = r#"echo "{\"seen\": \"$LISTED,${UNSET-none},${OTHER-none}\"}" > result.json"#;
    let value = json!({"type": "rawscript", "language": "bash", "content": content, "input_transforms": {}});
    let modules = json!({"value": {"modules": [{"id": "a", "value": value}]}});
    fs::write(&flow, modules.to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_millwright"))
        .args(["run", "env.flow.json", "--json"])
        .current_dir(folder.path())
        .env("WHITELIST_ENVS", "LISTED, UNSET,PATH,")
        .env("LISTED", "here")
        .env("OTHER", "secret")
        .env_remove("UNSET")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        r#"{"seen":"here,,none"}"#,
        "{said}"
    );
}
