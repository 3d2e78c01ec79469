//! The events of opencode, Claude Code and Gemini.
//!
//! Always so: each is taken by what it says at its end.

use serde_json::json;

use super::super::Agent;
use super::{USAGE, lines, play};

#[test]
fn opencode_yields_the_text_of_its_last_round_and_counts_all() {
    let finish = |reason: &str| {
        json!({"type": "step_finish", "part": {"type": "step-finish", "reason": reason,
            "tokens": {"total": 18, "input": 8, "output": 5, "reasoning": 2, "cache": {"write": 0, "read": 3}}, "cost": 0.25}})
    };
    let mut events = vec![
        json!({"type": "step_start", "part": {"type": "step-start"}}),
        json!({"type": "text", "part": {"type": "text", "text": "I look first."}}),
        json!({"type": "tool_use", "part": {"type": "tool", "tool": "bash", "state": {"status": "completed", "input": {"command": "ls"}}}}),
        finish("tool-calls"),
        json!({"type": "step_start", "part": {"type": "step-start"}}),
        json!({"type": "text", "part": {"type": "text", "text": "Done."}}),
    ];
    let error = play(Agent::opencode(), lines(&events), 0).error();
    assert!(error.ends_with("did not complete its turn"), "{error}");
    events.push(finish("stop"));
    let played = play(Agent::opencode(), lines(&events), 0);
    assert!(played.log.contains(&"opencode: uses bash: ls".to_owned()));
    let usage = played.outcome.as_ref().unwrap().usage.unwrap();
    assert_eq!((usage.input_tokens, usage.output_tokens), (22, 14));
    assert_eq!(usage.cost_usd, Some(0.5));
    assert_eq!(played.output(), "Done.");
    events.push(json!({"type": "error", "error": {"name": "APIError", "data": {"message": "no", "statusCode": 401}}}));
    let error = play(Agent::opencode(), lines(&events), 1).error();
    assert_eq!(error, "opencode failed: no");
}

#[test]
fn claude_code_is_believed_by_is_error_alone() {
    let begins = json!({"type": "system", "subtype": "init", "model": "claude-large"});
    let message = json!({"type": "assistant", "message": {"content": [{"type": "text", "text": "Done."},
        {"type": "tool_use", "name": "Read", "input": {"file_path": "a.rs"}}]}});
    let mut result = json!({"type": "result", "subtype": "success", "is_error": false, "result": "Done.", "total_cost_usd": 0.25,
        "usage": {"input_tokens": 8, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 3, "output_tokens": 7}});
    let played = play(
        Agent::claude_code(),
        lines(&[begins, message.clone(), result.clone()]),
        0,
    );
    assert!(played.log.contains(&"claude: uses Read: a.rs".to_owned()));
    let usage = played.outcome.as_ref().unwrap().usage.unwrap();
    assert_eq!((usage.input_tokens, usage.cached_input_tokens), (11, 3));
    assert_eq!(usage.cost_usd, Some(0.25));
    let model = &played.outcome.as_ref().unwrap().model;
    assert_eq!(model.as_deref(), Some("claude-large"));
    assert_eq!(played.output(), "Done.");
    result["is_error"] = true.into();
    result["result"] = "API Error: 401".into();
    let error = play(Agent::claude_code(), lines(&[message, result]), 1).error();
    assert_eq!(error, "claude failed: API Error: 401");
}

#[test]
fn gemini_yields_what_it_says_after_its_last_tool() {
    let says = |text: &str| json!({"type": "message", "role": "assistant", "content": text, "delta": true});
    let mut events = vec![
        json!({"type": "init", "session_id": "s", "model": "m"}),
        json!({"type": "message", "role": "user", "content": "Do it."}),
        says("I look first."),
        json!({"type": "tool_use", "tool_name": "read_file", "tool_id": "1", "parameters": {"path": "a.rs"}}),
        json!({"type": "tool_result", "tool_id": "1", "status": "success"}),
        says("Do"),
        says("ne.\nWe"),
        says("ll."),
        json!({"type": "result", "status": "success",
            "stats": {"total_tokens": 18, "input_tokens": 11, "output_tokens": 5, "cached": 3}}),
    ];
    let played = play(Agent::gemini(), lines(&events), 0);
    let outcome = played.outcome.as_ref().unwrap();
    assert_eq!(outcome.usage, Some(USAGE));
    assert_eq!(outcome.model.as_deref(), Some("m"));
    let log: Vec<_> = played
        .log
        .iter()
        .filter(|line| *line != "chatter")
        .collect();
    assert_eq!(
        log,
        [
            "gemini: I look first.",
            "gemini: uses read_file: a.rs",
            "gemini: Done.",
            "gemini: Well."
        ]
    );
    assert_eq!(played.output(), "Done.\nWell.");
    events.pop();
    events.push(
        json!({"type": "result", "status": "error", "error": {"type": "x", "message": "no"}}),
    );
    let error = play(Agent::gemini(), lines(&events), 145).error();
    assert_eq!(error, "gemini failed: no");
}
