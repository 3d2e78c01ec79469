//! The example works: its files are written, and its step runs.
//!
//! Always so: the executable that is tested is the one that the files call.

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
