//! The text that an engine reads: the prompt, and below it what it is told beside it.
//!
//! Always so: the prompt stands first and whole, each part below it is bounded, and a part that was cut says so.

use serde_json::{Map, Value};

/// So much of one part is handed on.
const LONGEST_PART: usize = 64 * 1024;

/// A text that grows.
#[derive(Debug, Clone)]
pub(super) struct Input(String);

impl Input {
    /// The prompt alone.
    pub(super) fn of(prompt: &str) -> Self {
        Self(prompt.trim_end().to_owned())
    }

    /// With one more part; an empty one is left out. Of a long one the beginning is kept.
    pub(super) fn part(&mut self, title: &str, text: &str) {
        let end = text.floor_char_boundary(LONGEST_PART);
        self.put(title, &text[..end], text.len() - end);
    }

    /// With one more part, of which the end is kept, as of a log.
    pub(super) fn end_of(&mut self, title: &str, text: &str) {
        let start = text.ceil_char_boundary(text.len().saturating_sub(LONGEST_PART));
        self.put(title, &text[start..], start);
    }

    /// With values as JSON.
    pub(super) fn values(&mut self, title: &str, values: Option<&Map<String, Value>>) {
        if let Some(values) = values.filter(|values| !values.is_empty()) {
            self.part(title, &Value::Object(values.clone()).to_string());
        }
    }

    /// The whole.
    pub(super) fn into_text(mut self) -> String {
        self.0.push('\n');
        self.0
    }

    fn put(&mut self, title: &str, text: &str, cut: usize) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        self.0.extend(["\n\n## ", title, "\n\n", text]);
        if cut > 0 {
            let note = format!("\n\n({cut} bytes are left out here)");
            self.0.push_str(&note);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_the_prompt_and_empty_ones_are_left_out() {
        let mut input = Input::of("Do it.\n\n");
        input.part("Nothing", " \n");
        input.values(
            "Inputs",
            Some(&Map::from_iter([("a".to_owned(), 1.into())])),
        );
        input.values("None", Some(&Map::new()));
        assert_eq!(input.into_text(), "Do it.\n\n## Inputs\n\n{\"a\":1}\n");
    }

    #[test]
    fn long_parts_are_cut_between_characters_and_say_so() {
        let long = "ä".repeat(LONGEST_PART);
        let mut input = Input::of("p");
        input.part("Begin", &format!("x{long}"));
        input.end_of("End", &format!("{long}x"));
        let text = input.into_text();
        assert!(text.len() < 2 * LONGEST_PART + 200, "{}", text.len());
        assert_eq!(text.matches("bytes are left out here").count(), 2);
    }
}
