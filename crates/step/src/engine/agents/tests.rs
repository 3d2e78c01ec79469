//! The agents' command lines and events, played by a script with what the real programs were recorded to write.
//!
//! Always so: what is asserted is what a caller sees: the output, the failure, the log, and what the program was given.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::story::Story;
use super::{Agent, Engine, EngineError, EngineOutput, LineSink, Task};
use crate::engine::{Cancel, Control, Mode, Registry, Usage};

#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl LineSink for Lines {
    fn line(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
}

struct Played {
    outcome: Result<EngineOutput, EngineError>,
    log: Vec<String>,
    arguments: String,
    stdin: String,
}

impl Played {
    fn output(self) -> String {
        String::from_utf8(self.outcome.unwrap().output).unwrap()
    }

    fn error(self) -> String {
        let error = self.outcome.unwrap_err();
        assert_eq!(error.kind(), "EngineFailed");
        error.to_string()
    }
}

fn task(folder: &Path, mode: Mode) -> Task {
    Task {
        mode,
        prompt: folder.join("prompt.md"),
        input: "Do it.\n".to_owned(),
        output_schema: None,
        effort: None,
        fallback_engine: None,
        directory: folder.to_owned(),
        model: Some("large".to_owned()),
        environment: BTreeMap::from([("STUB_API_KEY", "swordfish-1".to_owned())]),
        limit: Duration::from_secs(30),
    }
}

/// Plays a program that writes `stdout` and ends with a code.
fn play(agent: Agent, stdout: impl AsRef<[u8]>, code: u8) -> Played {
    play_task(agent, stdout, code, |_| ())
}

fn play_task(
    agent: Agent,
    stdout: impl AsRef<[u8]>,
    code: u8,
    change: impl FnOnce(&mut Task),
) -> Played {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("events"), stdout).unwrap();
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" > arguments; cat > stdin; cat events; echo chatter >&2; exit {code}"
    );
    fs::write(path("agent"), script).unwrap();
    fs::set_permissions(path("agent"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut task = task(folder.path(), Mode::Execute);
    change(&mut task);
    let log = Lines::default();
    let control = Control {
        log: &log,
        cancel: &Cancel::default(),
    };
    let outcome = agent.at(path("agent")).run(&task, &control);
    let arguments = fs::read_to_string(path("arguments")).unwrap();
    Played {
        outcome,
        log: log.0.into_inner().unwrap(),
        arguments: arguments.replace(&folder.path().display().to_string(), "{workspace}"),
        stdin: fs::read_to_string(path("stdin")).unwrap(),
    }
}

fn lines(events: &[Value]) -> String {
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    lines.join("\n")
}

fn codex_success() -> Vec<Value> {
    vec![
        json!({"type": "thread.started", "thread_id": "t"}),
        json!({"type": "item.completed", "item": {"id": "item_0", "type": "error", "message": "Model metadata not found."}}),
        json!({"type": "turn.started"}),
        json!({"type": "error", "message": "Reconnecting... 1/5"}),
        json!({"type": "item.completed", "item": {"id": "item_1", "type": "agent_message", "text": "I look first."}}),
        json!({"type": "item.started", "item": {"id": "item_2", "type": "command_execution", "command": "ls", "exit_code": null}}),
        json!({"type": "item.completed", "item": {"id": "item_2", "type": "command_execution", "command": "ls", "aggregated_output": "swordfish-1", "exit_code": 0}}),
        json!({"type": "item.completed", "item": {"id": "item_3", "type": "file_change", "changes": [{"path": "a.rs", "kind": "add"}], "status": "completed"}}),
        json!({"type": "item.completed", "item": {"id": "item_4", "type": "agent_message", "text": "Done.\nBy swordfish-1."}}),
        json!({"type": "turn.completed", "usage": {"input_tokens": 11, "cached_input_tokens": 3, "cache_write_input_tokens": 0, "output_tokens": 7, "reasoning_output_tokens": 2}}),
    ]
}

const USAGE: Usage = Usage {
    input_tokens: 11,
    cached_input_tokens: 3,
    output_tokens: 7,
    reasoning_tokens: 2,
    cost_usd: None,
};

#[test]
fn codex_yields_its_last_message_and_its_count() {
    let played = play(Agent::codex(), lines(&codex_success()), 0);
    assert_eq!(played.outcome.as_ref().unwrap().usage, Some(USAGE));
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
fn each_agent_is_called_as_its_mode_asks() {
    let all = [
        Agent::codex(),
        Agent::opencode(),
        Agent::claude_code(),
        Agent::gemini(),
    ];
    let called: BTreeMap<_, _> = all
        .iter()
        .flat_map(|agent| [Mode::Plan, Mode::Execute, Mode::Qa].map(|mode| (agent, mode)))
        .map(|(agent, mode)| {
            let played = play_task(agent.clone(), "", 0, |task| task.mode = mode);
            let call = played.arguments.trim_end().replace('\n', " ");
            (format!("{} {mode:?}", agent.id()), call)
        })
        .collect();
    insta::assert_json_snapshot!(called);
}

#[test]
fn those_that_take_one_are_told_how_much_to_reason() {
    for (agent, expected) in [
        (
            Agent::codex(),
            Some("-c\nmodel_reasoning_effort=\"high\"\n"),
        ),
        (Agent::claude_code(), Some("--effort\nhigh\n")),
        (Agent::opencode(), Some("--variant\nhigh\n")),
        (Agent::gemini(), None),
    ] {
        let id = agent.id();
        let played = play_task(agent, "", 0, |task| task.effort = Some("high".to_owned()));
        match expected {
            Some(expected) => assert!(played.arguments.contains(expected), "{id}"),
            None => assert!(!played.arguments.contains("high"), "{id}"),
        }
    }
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
    let message = json!({"type": "assistant", "message": {"content": [{"type": "text", "text": "Done."},
        {"type": "tool_use", "name": "Read", "input": {"file_path": "a.rs"}}]}});
    let mut result = json!({"type": "result", "subtype": "success", "is_error": false, "result": "Done.", "total_cost_usd": 0.25,
        "usage": {"input_tokens": 8, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 3, "output_tokens": 7}});
    let played = play(
        Agent::claude_code(),
        lines(&[message.clone(), result.clone()]),
        0,
    );
    assert!(played.log.contains(&"claude: uses Read: a.rs".to_owned()));
    let usage = played.outcome.as_ref().unwrap().usage.unwrap();
    assert_eq!((usage.input_tokens, usage.cached_input_tokens), (11, 3));
    assert_eq!(usage.cost_usd, Some(0.25));
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
    assert_eq!(played.outcome.as_ref().unwrap().usage, Some(USAGE));
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

#[test]
fn an_agent_that_is_not_there_is_named_with_how_to_install_it() {
    let folder = tempfile::tempdir().unwrap();
    let control = Control {
        log: &Lines::default(),
        cancel: &Cancel::default(),
    };
    let agent = Agent::codex().at(folder.path().join("none"));
    let task = task(folder.path(), Mode::Qa);
    let error = agent.run(&task, &control).unwrap_err();
    assert_eq!(error.kind(), "EngineNotInstalled");
    assert_eq!(
        error.to_string(),
        "codex is not installed: run `npm install -g @openai/codex`, or say in MILLWRIGHT_CODEX_BIN where it is"
    );
}

#[test]
fn the_registry_has_them_all() {
    let registry = Registry::default();
    for id in ["shell", "codex", "opencode", "claude-code", "gemini"] {
        assert_eq!(registry.get(id).unwrap().id(), id);
    }
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
