//! How two states of a thing differ, for a reader.
//!
//! Always so: what is shown is bounded, and holds what is compared alone.

use std::fmt;

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use crate::deploy::layout::to_yaml;

/// Lines around a difference.
const AROUND: usize = 2;
/// So many characters of a line are shown: a packed module is one line.
const LINE: usize = 160;
/// So many lines are shown.
const LINES: usize = 200;

/// A line of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `+` for what is to be there, `-` for what is there, a blank for both, `…` where lines are left out.
    pub sign: char,
    /// The line.
    pub text: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.sign, self.text)
    }
}

/// What changes from one state to the other.
pub(super) fn difference(before: &Value, after: &Value) -> Vec<Line> {
    let (before, after) = (readable(before), readable(after));
    let diff = TextDiff::from_lines(&before, &after);
    let mut lines = Vec::new();
    for (nth, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if nth > 0 {
            lines.push(left_out(""));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            let text = bounded(change.value().trim_end_matches('\n'));
            lines.push(Line { sign, text });
        }
    }
    if lines.len() > LINES {
        let more = lines.len() - LINES;
        lines.truncate(LINES);
        lines.push(left_out(&format!("{more} more lines")));
    }
    lines
}

/// YAML, a script's text behind the rest of it.
fn readable(item: &Value) -> String {
    let mut rest = item.clone();
    let content = rest
        .as_object_mut()
        .and_then(|item| item.shift_remove("content"));
    let mut text = to_yaml(&rest);
    if let Some(Value::String(content)) = content {
        let end = if content.ends_with('\n') { "" } else { "\n" };
        text = format!("{text}content:\n{content}{end}");
    }
    text
}

fn bounded(line: &str) -> String {
    // What Windmill holds may hold anything.
    let line: String = line
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    match line.char_indices().nth(LINE) {
        Some((end, _)) => format!("{}… ({} characters)", &line[..end], line.chars().count()),
        None => line,
    }
}

fn left_out(text: &str) -> Line {
    Line {
        sign: '…',
        text: text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_shows_the_lines_around_it() {
        let item = |third: &str| json!({"tag": null, "content": format!("one\ntwo\n{third}\nfour\nfive\nsix")});
        let lines = difference(&item("drei"), &item("three"));
        let shown: Vec<String> = lines.iter().map(Line::to_string).collect();
        assert_eq!(
            shown,
            ["  one", "  two", "- drei", "+ three", "  four", "  five"]
        );
        assert!(difference(&item("x"), &item("x")).is_empty());
    }

    #[test]
    fn long_lines_and_many_lines_are_cut() {
        let long = json!({"content": "x".repeat(300_000)});
        let many = json!({"content": "y\n".repeat(3_000)});
        let lines = difference(&long, &many);
        assert_eq!(lines.len(), LINES + 1);
        assert!(lines.iter().all(|line| line.text.len() < 200));
    }
}
