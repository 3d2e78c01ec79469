//! The engine `opencode`: the opencode command line, as its version 1.18 speaks.
//!
//! Always so: it has done its work when its last round has finished and no round ended in an error.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::story::{Story, count, in_few_words, text};
use super::{Agent, Program};
use crate::engine::{LineSink, Mode, Task, Usage};

impl Agent {
    /// Runs prompts with opencode.
    pub fn opencode() -> Self {
        Self {
            id: "opencode",
            program: Program {
                name: "opencode",
                variable: "MILLWRIGHT_OPENCODE_BIN",
                install: "npm install -g opencode-ai",
                path: None,
            },
            // The model of last resort of the first system, which is one of its own.
            default_model: Some("zai-coding-plan/glm-4.6"),
            takes_schema: false,
            arguments,
            hear,
        }
    }
}

fn arguments(command: &mut Command, task: &Task, _: Option<&Path>) {
    command.args(["run", "--format", "json", "--agent", agent(task.mode)]);
    if let Some(model) = &task.model {
        command.arg("-m").arg(model);
    }
    if let Some(effort) = &task.effort {
        command.args(["--variant", effort]);
    }
}

/// Of its own two agents, `plan` may not write.
fn agent(mode: Mode) -> &'static str {
    match mode {
        Mode::Plan | Mode::Qa => "plan",
        Mode::Execute => "build",
    }
}

fn hear(event: &Value, story: &mut Story, log: &dyn LineSink) {
    match text(event, "/type") {
        "step_start" => {
            story.is_done = false;
            story.text.clear();
        }
        "text" => hear_text(text(event, "/part/text"), story, log),
        "tool_use" => {
            let words = in_few_words(&event["part"]["state"]["input"]);
            let tool = text(event, "/part/tool");
            story.tell(log, &format!("uses {tool}: {words}"));
        }
        "step_finish" => {
            story.is_done = text(event, "/part/reason") == "stop";
            add_usage(&mut story.usage, &event["part"]);
        }
        "error" => {
            let message = text(event, "/error/data/message");
            story.fail(if message.is_empty() {
                text(event, "/error/name")
            } else {
                message
            });
        }
        _ => {}
    }
}

/// One round may say several things.
fn hear_text(said: &str, story: &mut Story, log: &dyn LineSink) {
    if story.text.is_empty() {
        story.say(log, said);
    } else {
        story.tell(log, said);
        story.text.push_str("\n\n");
        story.text.push_str(said);
    }
}

/// Each round counts itself: what no cache had, and what was not reasoning.
fn add_usage(usage: &mut Option<Usage>, part: &Value) {
    let usage = usage.get_or_insert_default();
    let cached = count(part, "/tokens/cache/read");
    let input = [
        count(part, "/tokens/input"),
        cached,
        count(part, "/tokens/cache/write"),
    ];
    let reasoning = count(part, "/tokens/reasoning");
    let output = [count(part, "/tokens/output"), reasoning];
    let add = |sum: &mut u64, more: &[u64]| {
        *sum = more
            .iter()
            .fold(*sum, |sum, more| sum.saturating_add(*more));
    };
    add(&mut usage.input_tokens, &input);
    add(&mut usage.cached_input_tokens, &[cached]);
    add(&mut usage.output_tokens, &output);
    add(&mut usage.reasoning_tokens, &[reasoning]);
    if let Some(cost) = part["cost"].as_f64() {
        *usage.cost_usd.get_or_insert(0.0) += cost;
    }
}
