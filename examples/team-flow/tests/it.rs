//! The example works: its files are written, its step runs, and the mill runs its flow.
//!
//! Always so: the executables that are tested are those that the files call.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

fn team_flow(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_team-flow"));
    command.args(arguments).output().expect("team-flow runs")
}

fn generated() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output = team_flow(&["generate", folder.path().to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    folder
}

fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("the result is JSON")
}

/// `millwright` lies beside our executable once the workspace is built.
fn millwright() -> PathBuf {
    let beside = Path::new(env!("CARGO_BIN_EXE_team-flow")).with_file_name("millwright");
    assert!(
        beside.is_file(),
        "{} is not built: run `cargo build -p millwright` first",
        beside.display()
    );
    beside
}

#[test]
fn the_step_takes_text_and_json() {
    let expected = json!({"words": 2, "long": true, "first": "two"});
    let text = team_flow(&["count_words", "two words", "2"]);
    assert_eq!(json_of(&text), expected);
    let json = team_flow(&[
        "count_words",
        "--args",
        r#"{"text": "two words", "long_from": 2}"#,
    ]);
    assert_eq!(json_of(&json), expected);
    let wrong = team_flow(&["count_words", "two words", "many"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn the_files_are_what_a_workspace_takes() {
    let folder = generated();
    let read = |path: &str| std::fs::read_to_string(folder.path().join(path)).unwrap();
    let script = read("scripts/team/count_words.sh");
    assert!(
        script.ends_with("exec team-flow count_words \"$text\" \"$long_from\"\n"),
        "{script}"
    );
    let flow: Value = serde_json::from_str(&read("flows/team/review_notes.flow.json")).unwrap();
    let step = &flow["value"]["modules"][1]["value"];
    assert_eq!(step["path"], "u/team/count_words");
    assert_eq!(step["input_transforms"]["text"]["expr"], "flow_input.title");
}

fn run_flow(title: &str) -> Value {
    let folder = generated();
    let mut command = Command::new(millwright());
    command.args(["run", "f/team/review_notes", "--json", "-i"]);
    command.args([
        &format!("title={title}"),
        "-i",
        r#"notes=["one", "two words"]"#,
    ]);
    json_of(
        &command
            .current_dir(folder.path())
            .output()
            .expect("millwright runs"),
    )
}

#[test]
fn the_mill_runs_the_flow() {
    let short = run_flow("Short title");
    assert_eq!(short, json!({"words": 2, "long": false, "first": "Short"}));
    let long = run_flow("A rather long title");
    assert_eq!(long, json!({"words": 4, "long": false, "first": "It"}));
}
