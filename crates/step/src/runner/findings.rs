//! Findings: what tools print about a file and a line.
//!
//! Always so: however much a tool prints, so many findings of such a length are kept and no more.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use millwright_core::protocol::Finding;

use crate::engine::LineSink;

/// So many findings of one gate are kept.
const MOST: usize = 30;
/// So long a finding's message may be.
const LONGEST_MESSAGE: usize = 300;
/// So many lines of the end of a tool's output are kept.
const LAST_LINES: usize = 20;

/// A log that keeps what a tool finds, and the end of what it prints, and hands every line on.
pub(super) struct Watched<'a> {
    log: &'a (dyn LineSink + Sync),
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    findings: Vec<Finding>,
    last: VecDeque<String>,
}

impl<'a> Watched<'a> {
    pub(super) fn new(log: &'a (dyn LineSink + Sync)) -> Self {
        Self {
            log,
            kept: Mutex::default(),
        }
    }

    /// The findings, and the last lines.
    pub(super) fn into_kept(self) -> (Vec<Finding>, String) {
        let kept = self.kept.into_inner();
        let kept = kept.unwrap_or_else(PoisonError::into_inner);
        let last: Vec<String> = kept.last.into();
        (kept.findings, last.join("\n"))
    }
}

impl LineSink for Watched<'_> {
    fn line(&self, line: &str) {
        self.log.line(line);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.findings.len() < MOST
            && let Some(finding) = finding(line)
        {
            kept.findings.push(finding);
        }
        if kept.last.len() == LAST_LINES {
            kept.last.pop_front();
        }
        kept.last
            .push_back(bounded(line, LONGEST_MESSAGE).to_owned());
    }

    fn execution_id(&self) -> Option<&str> {
        self.log.execution_id()
    }
}

/// What a line says in the shape `file:line: message`, `file:line:column: message` or `file(line,column): message`.
fn finding(line: &str) -> Option<Finding> {
    let (file, number, message) = with_colons(line).or_else(|| with_brackets(line))?;
    let file = file.trim().trim_start_matches("./");
    let message = bounded(message.trim(), LONGEST_MESSAGE);
    let is_path = !file.is_empty()
        && !file.contains(char::is_whitespace)
        && file.contains(['.', '/'])
        && !file.contains("://");
    (is_path && !message.is_empty()).then(|| Finding {
        severity: severity(message).to_owned(),
        message: message.to_owned(),
        file: Some(bounded(file, LONGEST_MESSAGE).to_owned()),
        line: Some(number),
        rule_id: rule(message),
        suggestion: None,
    })
}

fn with_colons(line: &str) -> Option<(&str, u32, &str)> {
    let (file, rest) = line.split_once(':')?;
    let (number, rest) = rest.split_once(':')?;
    let number = number.trim().parse().ok()?;
    let message = match rest.split_once(':') {
        Some((column, message)) if column.trim().parse::<u32>().is_ok() => message,
        _ => rest.split_once(' ').map_or(rest, |(column, message)| {
            let is_column = column.parse::<u32>().is_ok();
            if is_column { message } else { rest }
        }),
    };
    Some((file, number, message))
}

fn with_brackets(line: &str) -> Option<(&str, u32, &str)> {
    let (place, message) = line.split_once("): ")?;
    let (file, place) = place.split_once('(')?;
    let number = place.split(',').next()?.parse().ok()?;
    Some((file, number, message))
}

fn severity(message: &str) -> &'static str {
    let message = message.to_ascii_lowercase();
    if message.starts_with("warning") {
        "warning"
    } else if message.starts_with("note")
        || message.starts_with("info")
        || message.starts_with("help")
    {
        "info"
    } else {
        "error"
    }
}

/// The tool's name for the rule: at the beginning as in `F401 unused`, in brackets as in `error[E0308]: …` or
/// `… [arg-type]`, or after the severity as in `error TS2304: …`.
fn rule(message: &str) -> Option<String> {
    let first = message
        .split_whitespace()
        .find(|word| !matches!(*word, "error" | "warning"))?;
    let bare = first.trim_end_matches(':');
    if is_code(bare) {
        return Some(bare.to_owned());
    }
    let (_, opened) = message.rsplit_once('[')?;
    let (inner, after) = opened.split_once(']')?;
    let is_name = |c: char| c.is_alphanumeric() || "-_/:@".contains(c);
    let is_rule = !inner.is_empty() && inner.len() <= 80 && inner.chars().all(is_name);
    (is_rule && (after.is_empty() || after.starts_with(':'))).then(|| inner.to_owned())
}

fn is_code(word: &str) -> bool {
    let letters = word.bytes().take_while(u8::is_ascii_uppercase).count();
    let digits = &word[letters..];
    (1..=4).contains(&letters)
        && (2..=5).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The beginning of a text, cut between characters.
pub(super) fn bounded(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(String, u32, String, Option<String>)> {
        let found = finding(line)?;
        Some((found.file?, found.line?, found.severity, found.rule_id))
    }

    #[test]
    fn what_the_usual_tools_print_is_understood() {
        for (line, file, number, severity, rule) in [
            (
                "app.py:1:8: F401 `os` imported but unused",
                "app.py",
                1,
                "error",
                Some("F401"),
            ),
            (
                "./cmd/main.go:12:2: undefined: x",
                "cmd/main.go",
                12,
                "error",
                None,
            ),
            (
                "src/a.rs:3:5: error[E0308]: mismatched types",
                "src/a.rs",
                3,
                "error",
                Some("E0308"),
            ),
            (
                "src/a.rs:3:5: warning: unused variable: `x`",
                "src/a.rs",
                3,
                "warning",
                None,
            ),
            (
                "a.py:7: error: Incompatible types  [arg-type]",
                "a.py",
                7,
                "error",
                Some("arg-type"),
            ),
            (
                "src/a.ts(4,1): error TS2304: Cannot find name 'x'.",
                "src/a.ts",
                4,
                "error",
                Some("TS2304"),
            ),
            (
                "tests/test_a.py:5: AssertionError",
                "tests/test_a.py",
                5,
                "error",
                None,
            ),
            (
                "lib/x.js:2:1 - missing semicolon",
                "lib/x.js",
                2,
                "error",
                None,
            ),
        ] {
            let expected = (
                file.to_owned(),
                number,
                severity.to_owned(),
                rule.map(str::to_owned),
            );
            assert_eq!(read(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn other_lines_are_no_findings() {
        for line in [
            "",
            "12:30:01: started",
            "see https://example.org:443: there",
            "a b.c:1: x",
            "x:y:z",
            "a.c:1:",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn a_flood_of_findings_is_bounded() {
        struct Nowhere;
        impl LineSink for Nowhere {
            fn line(&self, _: &str) {}
        }
        let watched = Watched::new(&Nowhere);
        let long = format!("a.c:1: {}", "ä".repeat(10_000));
        (0..10_000).for_each(|_| watched.line(&long));
        let (findings, last) = watched.into_kept();
        assert_eq!(findings.len(), MOST);
        assert!(
            findings
                .iter()
                .all(|finding| finding.message.len() <= LONGEST_MESSAGE)
        );
        assert!(last.len() <= LAST_LINES * (LONGEST_MESSAGE + 1));
    }
}
