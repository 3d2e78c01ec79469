//! Codex's events.
//!
//! Always so: only a completed turn is success.

use std::path::Path;

use serde_json::json;

use super::super::Agent;
use super::{USAGE, codex_success, lines, play, play_task};

#[test]
fn codex_yields_its_last_message_and_its_count() {
    let played = play(Agent::codex(), lines(&codex_success()), 0);
    let outcome = played.outcome.as_ref().unwrap();
    assert_eq!((outcome.usage, &outcome.model), (Some(USAGE), &None));
    assert_eq!(played.stdin, "Do it.\n");
    assert_eq!(played.output(), "Done.\nBy swordfish-1.");
}

#[test]
fn what_codex_says_runs_and_changes_is_told_without_secrets() {
    let mut log = play(Agent::codex(), lines(&codex_success()), 0).log;
    log.retain(|line| line != "chatter");
    insta::assert_json_snapshot!(log, @r#"
    [
      "codex: note: Model metadata not found.",
      "codex: error: Reconnecting... 1/5",
      "codex: I look first.",
      "codex: runs ls",
      "codex: exit code 0",
      "codex: changes a.rs (add)",
      "codex: Done.",
      "codex: By ***."
    ]
    "#);
}

#[test]
fn codex_is_given_the_schema_in_a_file_that_does_not_stay() {
    let schema = json!({"type": "object"});
    let played = play_task(Agent::codex(), "", 0, |task| {
        task.output_schema = Some(schema);
    });
    let arguments: Vec<&str> = played.arguments.lines().collect();
    let at = arguments.iter().position(|text| *text == "--output-schema");
    let file = Path::new(arguments[at.unwrap() + 1]);
    assert!(file.is_absolute() && !file.exists(), "{file:?}");
}

#[test]
fn codex_fails_where_its_turn_does_whatever_it_said_before() {
    let mut events = codex_success();
    let last = events.last_mut().unwrap();
    *last = json!({"type": "turn.failed", "error": {"message": "stream disconnected before completion"}});
    let error = play(Agent::codex(), lines(&events), 1).error();
    assert_eq!(error, "codex failed: stream disconnected before completion");
}

#[test]
fn codex_fails_where_its_turn_has_no_end() {
    let events = codex_success();
    let unfinished = lines(&events[..events.len() - 1]);
    let error = play(Agent::codex(), &unfinished, 0).error();
    assert_eq!(
        error,
        "codex failed: it did not complete its turn: Reconnecting... 1/5"
    );
    let error = play(Agent::codex(), &unfinished, 1).error();
    assert_eq!(error, "codex ended with exit code 1: Reconnecting... 1/5");
    let error = play(Agent::codex(), lines(&events[..3]), 0).error();
    assert_eq!(error, "codex failed: it did not complete its turn");
    let error = play(Agent::codex(), "", 2).error();
    assert_eq!(error, "codex ended with exit code 2: chatter");
}

#[test]
fn a_completed_turn_without_a_word_is_an_empty_output() {
    let events = [codex_success()[0].clone(), codex_success()[9].clone()];
    assert_eq!(play(Agent::codex(), lines(&events), 0).output(), "");
}
