//! The engine `codex`: the Codex command line, as its version 0.169 speaks.
//!
//! Always so: only `turn.completed` is success. A top-level `error` may pass, a message may be followed by a failure,
//! and text that does not conform to the schema is no failure of Codex's.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::story::{Story, count, text};
use super::{Agent, Program};
use crate::engine::{LineSink, Mode, Task, Usage};

impl Agent {
    /// Runs prompts with Codex, in its sandbox.
    pub fn codex() -> Self {
        Self {
            id: "codex",
            program: Program {
                name: "codex",
                variable: "MILLWRIGHT_CODEX_BIN",
                install: "npm install -g @openai/codex",
                path: None,
            },
            default_model: None,
            takes_schema: true,
            arguments,
            hear,
        }
    }
}

fn arguments(command: &mut Command, task: &Task, schema: Option<&Path>) {
    command.args(["exec", "--json", "--ephemeral", "--skip-git-repo-check"]);
    command.args(sandbox(task.mode));
    // Without this a refused connection is waited for without end.
    command.args(["-c", "features.unbounded_connection_retries=false"]);
    command.arg("-C").arg(&task.directory);
    if let Some(model) = &task.model {
        command.arg("-m").arg(model);
    }
    if let Some(effort) = &task.effort {
        command.args(["-c", &format!("model_reasoning_effort={effort:?}")]);
    }
    if let Some(schema) = schema {
        command.arg("--output-schema").arg(schema);
    }
    command.arg("-");
}

/// Writing is for the workspace alone: without the last two, `/tmp` and `TMPDIR` are open too.
fn sandbox(mode: Mode) -> &'static [&'static str] {
    match mode {
        Mode::Plan | Mode::Qa => &["--sandbox", "read-only"],
        Mode::Execute => &[
            "--sandbox",
            "workspace-write",
            "-c",
            "sandbox_workspace_write.exclude_slash_tmp=true",
            "-c",
            "sandbox_workspace_write.exclude_tmpdir_env_var=true",
        ],
    }
}

fn hear(event: &Value, story: &mut Story, log: &dyn LineSink) {
    match text(event, "/type") {
        "item.started" if text(event, "/item/type") == "command_execution" => {
            story.tell(log, &format!("runs {}", text(event, "/item/command")));
        }
        "item.completed" => hear_item(&event["item"], story, log),
        "error" => story.stumble(log, text(event, "/message")),
        "turn.started" => {
            story.is_done = false;
            story.text.clear();
        }
        "turn.completed" => {
            story.is_done = true;
            story.failure = None;
            story.usage = Some(usage(event));
        }
        "turn.failed" => story.fail(text(event, "/error/message")),
        _ => {}
    }
}

fn hear_item(item: &Value, story: &mut Story, log: &dyn LineSink) {
    match text(item, "/type") {
        "agent_message" => story.say(log, text(item, "/text")),
        "command_execution" => story.tell(log, &format!("exit code {}", item["exit_code"])),
        "file_change" => {
            for change in item["changes"].as_array().into_iter().flatten() {
                let (kind, path) = (text(change, "/kind"), text(change, "/path"));
                story.tell(log, &format!("changes {path} ({kind})"));
            }
        }
        "error" => story.tell(log, &format!("note: {}", text(item, "/message"))),
        _ => {}
    }
}

/// It counts the whole thread, and a run has a thread of its own: the last count is that of the run.
fn usage(event: &Value) -> Usage {
    Usage {
        input_tokens: count(event, "/usage/input_tokens"),
        cached_input_tokens: count(event, "/usage/cached_input_tokens"),
        output_tokens: count(event, "/usage/output_tokens"),
        reasoning_tokens: count(event, "/usage/reasoning_output_tokens"),
        cost_usd: None,
    }
}
