//! The engine `gemini`: the Gemini command line, as its version 0.61 speaks.
//!
//! Always so: the status of its `result` decides; where it fails before that, the error on stderr tells why.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::story::{Story, count, in_few_words, text};
use super::{Agent, Program};
use crate::engine::{LineSink, Mode, Task, Usage};

impl Agent {
    /// Runs prompts with the Gemini command line.
    pub fn gemini() -> Self {
        Self {
            id: "gemini",
            program: Program {
                name: "gemini",
                variable: "MILLWRIGHT_GEMINI_BIN",
                install: "npm install -g @google/gemini-cli",
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
    command.args(["-o", "stream-json", "--skip-trust"]);
    command.args(["--approval-mode", approval(task.mode)]);
    if let Some(model) = &task.model {
        command.arg("-m").arg(model);
    }
}

/// What is not approved is refused at once, since there is nobody to ask.
fn approval(mode: Mode) -> &'static str {
    match mode {
        Mode::Plan | Mode::Qa => "default",
        Mode::Execute => "auto_edit",
    }
}

fn hear(event: &Value, story: &mut Story, log: &dyn LineSink) {
    match text(event, "/type") {
        "init" => story.use_model(text(event, "/model")),
        "message" if text(event, "/role") == "assistant" => {
            story.say_more(log, text(event, "/content"));
        }
        "tool_use" => {
            let words = in_few_words(&event["parameters"]);
            let tool = text(event, "/tool_name");
            story.tell(log, &format!("uses {tool}: {words}"));
            // What it said before was no answer.
            story.text.clear();
        }
        "error" => story.stumble(log, text(event, "/message")),
        "result" => {
            story.usage = Some(usage(&event["stats"]));
            if text(event, "/status") == "success" {
                story.is_done = true;
            } else {
                story.fail(text(event, "/error/message"));
            }
        }
        _ => {}
    }
}

/// What is neither input nor answer was spent on reasoning.
fn usage(stats: &Value) -> Usage {
    let input = count(stats, "/input_tokens");
    let answer = count(stats, "/output_tokens");
    let output = count(stats, "/total_tokens")
        .saturating_sub(input)
        .max(answer);
    Usage {
        input_tokens: input,
        cached_input_tokens: count(stats, "/cached"),
        output_tokens: output,
        reasoning_tokens: output - answer,
        cost_usd: None,
    }
}
