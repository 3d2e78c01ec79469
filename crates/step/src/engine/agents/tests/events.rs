//! What is no event, or one that nobody expected.
//!
//! Always so: it is no success, and no panic.

use proptest::prelude::*;
use serde_json::Value;

use super::super::Agent;
use super::super::story::Story;
use super::{Lines, codex_success, lines, play};

#[test]
fn broken_utf_8_and_what_is_no_event_survive() {
    let mut stdout = b"not json \xff\n{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":\"a\xffb\"}}\n".to_vec();
    stdout.extend(lines(&codex_success()[9..]).into_bytes());
    let played = play(Agent::codex(), stdout, 0);
    assert!(played.log.contains(&"codex: not json \u{fffd}".to_owned()));
    assert_eq!(played.output(), "a\u{fffd}b");
}

#[test]
fn a_line_beyond_all_bounds_is_left_out_and_nothing_else() {
    let mut stdout = vec![b'x'; 9 * 1024 * 1024];
    stdout.push(b'\n');
    stdout.extend(lines(&codex_success()).into_bytes());
    let played = play(Agent::codex(), stdout, 0);
    assert!(played.log.iter().all(|line| line.len() < 100));
    assert_eq!(played.output(), "Done.\nBy swordfish-1.");
}

fn any_event() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(
        &[
            "type",
            "item",
            "error",
            "message",
            "text",
            "part",
            "content",
            "usage",
            "result",
            "state",
            "item.completed",
            "agent_message",
            "command_execution",
            "file_change",
            "assistant",
            "tool_use",
            "step_finish",
            "turn.failed",
            "stats",
            "input",
            "changes",
            "role",
        ][..],
    );
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        words.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((words.clone(), inner), 0..6).prop_map(|entries| {
                entries
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn garbage_is_no_success_and_no_panic(events in prop::collection::vec(any_event(), 0..20), noise: Vec<u8>) {
        for agent in [Agent::codex(), Agent::opencode(), Agent::claude_code(), Agent::gemini()] {
            let log = Lines::default();
            let mut story = Story::of("agent");
            for event in &events {
                agent.listen(event.to_string().as_bytes(), &mut story, &log);
                agent.listen(&noise, &mut story, &log);
            }
            prop_assert!(!story.is_done);
        }
    }
}
