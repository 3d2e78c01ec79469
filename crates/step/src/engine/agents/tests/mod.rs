//! The agents' command lines and events, played by a script with what the real programs were recorded to write.
//!
//! Always so: what is asserted is what a caller sees: the output, the failure, the log, and what the program was given.

mod codex;
mod events;
mod others;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

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
