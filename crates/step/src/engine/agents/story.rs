//! What is known of an agent's work from its events, and how it is told in the log.
//!
//! Always so: what is told of one event is bounded, whatever the event holds.

use serde_json::Value;

use crate::engine::{LineSink, Usage};

/// So much of one text reaches the log.
const LONGEST_TOLD: usize = 16 * 1024;
/// So much of a failure's message is kept.
const LONGEST_MESSAGE: usize = 2 * 1024;

/// So much of a model's name is kept.
const LONGEST_MODEL: usize = 200;

/// An agent's work so far.
#[derive(Debug, Default)]
pub(super) struct Story {
    name: &'static str,
    /// The text of its last message.
    pub(super) text: String,
    /// Whether it said that it has done its work.
    pub(super) is_done: bool,
    /// Why it has not, in its words.
    pub(super) failure: Option<String>,
    /// What went wrong on the way, and may have passed.
    pub(super) trouble: Option<String>,
    /// What it spent.
    pub(super) usage: Option<Usage>,
    /// The model that it uses, as it says when it begins.
    pub(super) model: Option<String>,
    /// A line that it has begun to say.
    unsaid: String,
}

impl Story {
    /// Nothing is known yet.
    pub(super) fn of(name: &'static str) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    /// It says which model it uses.
    pub(super) fn use_model(&mut self, model: &str) {
        self.model = (!model.is_empty()).then(|| cut(model, LONGEST_MODEL).to_owned());
    }

    /// It failed.
    pub(super) fn fail(&mut self, message: &str) {
        self.is_done = false;
        let message = if message.is_empty() {
            "it failed and gave no reason"
        } else {
            message
        };
        self.failure = Some(cut(message, LONGEST_MESSAGE).to_owned());
    }

    /// It met with something that may pass.
    pub(super) fn stumble(&mut self, log: &dyn LineSink, message: &str) {
        self.trouble = Some(cut(message, LONGEST_MESSAGE).to_owned());
        self.tell(log, &format!("error: {message}"));
    }

    /// A message, whole.
    pub(super) fn say(&mut self, log: &dyn LineSink, text: &str) {
        text.clone_into(&mut self.text);
        self.tell(log, text);
    }

    /// A message, piece by piece.
    pub(super) fn say_more(&mut self, log: &dyn LineSink, piece: &str) {
        self.text.push_str(piece);
        self.unsaid.push_str(piece);
        if let Some(end) = self.unsaid.rfind('\n') {
            let rest = self.unsaid.split_off(end + 1);
            let lines = std::mem::replace(&mut self.unsaid, rest);
            self.tell_now(log, &lines);
        }
    }

    /// Something other than its own words, which ends a message that came piece by piece.
    pub(super) fn tell(&mut self, log: &dyn LineSink, text: &str) {
        self.finish(log);
        self.tell_now(log, text);
    }

    /// Tells what was not told yet.
    pub(super) fn finish(&mut self, log: &dyn LineSink) {
        if !self.unsaid.is_empty() {
            let rest = std::mem::take(&mut self.unsaid);
            self.tell_now(log, &rest);
        }
    }

    fn tell_now(&self, log: &dyn LineSink, text: &str) {
        for line in cut(text, LONGEST_TOLD).lines() {
            log.line(&format!("{}: {line}", self.name));
        }
    }
}

/// The text at a place in an event; empty where there is none.
pub(super) fn text<'a>(event: &'a Value, pointer: &str) -> &'a str {
    event
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The number at a place in an event; 0 where there is none.
pub(super) fn count(event: &Value, pointer: &str) -> u64 {
    event
        .pointer(pointer)
        .and_then(Value::as_u64)
        .unwrap_or_default()
}

/// What a tool is given, in a few words: a command, a file, or whatever comes first.
pub(super) fn in_few_words(input: &Value) -> String {
    let known = ["command", "file_path", "filePath", "path", "pattern"];
    let named = known.iter().find_map(|name| input.get(name)?.as_str());
    let words = named.map_or_else(|| input.to_string(), str::to_owned);
    cut(words.lines().next().unwrap_or_default(), 200).to_owned()
}

fn cut(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}
