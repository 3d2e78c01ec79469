//! The engine `claude-code`: the Claude Code command line, as its version 2.1 speaks.
//!
//! Always so: `is_error` of the last event decides; its `subtype` says "success" also of a failure.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::story::{Story, count, in_few_words, text};
use super::{Agent, Program};
use crate::engine::{LineSink, Mode, Task, Usage};

/// Commands run in its sandbox, where the machine has one; elsewhere only those that the user's own settings allow.
const SANDBOX: &str = r#"{"sandbox":{"enabled":true,"autoAllowBashIfSandboxed":true,"allowUnsandboxedCommands":false}}"#;

impl Agent {
    /// Runs prompts with Claude Code.
    pub fn claude_code() -> Self {
        Self {
            id: "claude-code",
            program: Program {
                name: "claude",
                variable: "MILLWRIGHT_CLAUDE_CODE_BIN",
                install: "npm install -g @anthropic-ai/claude-code",
                path: None,
            },
            default_model: None,
            takes_schema: false,
            arguments,
            hear,
        }
    }
}

fn arguments(command: &mut Command, task: &Task, _: Option<&Path>) {
    // Of the formats, this one tells what happens while it happens.
    command.args(["-p", "--output-format", "stream-json", "--verbose"]);
    command.arg("--no-session-persistence");
    command.args(permissions(task.mode));
    if let Some(model) = &task.model {
        command.arg("--model").arg(model);
    }
    if let Some(effort) = &task.effort {
        command.args(["--effort", effort]);
    }
}

/// What is not permitted is refused at once, since there is nobody to ask.
fn permissions(mode: Mode) -> &'static [&'static str] {
    match mode {
        Mode::Plan | Mode::Qa => &[
            "--permission-mode",
            "default",
            "--disallowedTools=Bash,Edit,Write,NotebookEdit",
        ],
        Mode::Execute => &["--permission-mode", "acceptEdits", "--settings", SANDBOX],
    }
}

fn hear(event: &Value, story: &mut Story, log: &dyn LineSink) {
    match text(event, "/type") {
        "system" if text(event, "/subtype") == "init" => story.use_model(text(event, "/model")),
        "assistant" => hear_message(event, story, log),
        "result" => {
            story.usage = Some(usage(event));
            let result = text(event, "/result");
            if event["is_error"].as_bool() == Some(false) {
                story.is_done = true;
                result.clone_into(&mut story.text);
            } else {
                story.fail(if result.is_empty() {
                    text(event, "/subtype")
                } else {
                    result
                });
            }
        }
        _ => {}
    }
}

fn hear_message(event: &Value, story: &mut Story, log: &dyn LineSink) {
    let content = event.pointer("/message/content").and_then(Value::as_array);
    for part in content.into_iter().flatten() {
        match text(part, "/type") {
            "text" => story.say(log, text(part, "/text")),
            "tool_use" => {
                let (tool, words) = (text(part, "/name"), in_few_words(&part["input"]));
                story.tell(log, &format!("uses {tool}: {words}"));
            }
            _ => {}
        }
    }
}

/// Its input tokens are those that no cache had.
fn usage(event: &Value) -> Usage {
    let cached = count(event, "/usage/cache_read_input_tokens");
    let written = count(event, "/usage/cache_creation_input_tokens");
    let input = count(event, "/usage/input_tokens");
    Usage {
        input_tokens: input.saturating_add(cached).saturating_add(written),
        cached_input_tokens: cached,
        output_tokens: count(event, "/usage/output_tokens"),
        reasoning_tokens: 0,
        cost_usd: event["total_cost_usd"].as_f64(),
    }
}
